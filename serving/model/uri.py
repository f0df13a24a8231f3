"""Model addresses: parses `models:/NAME@ALIAS` and `models:/NAME/VERSION`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from serving.decision import BadInput

_URI: Final = re.compile(r"models:/([\w. -]+)(?:@([\w.-]+)|/(\d+))")


class BadModelUri(BadInput):
    """A model's or a registry's address that can't be read; the message shows the forms that can."""


@dataclass(frozen=True, slots=True)
class ModelUri:
    """A model in a registry: by alias, or one fixed version.

    Parameters
    ----------
    alias, version
        One of them is None.
    """

    name: str
    alias: str | None
    version: str | None


def parse_model_uri(text: str) -> ModelUri:
    """Read `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Raises
    ------
    BadModelUri
        It is neither.

    Examples
    --------
    >>> parse_model_uri("models:/thinkgate@champion")
    ModelUri(name='thinkgate', alias='champion', version=None)
    """
    found = _URI.fullmatch(text)
    if found is None:
        raise BadModelUri(f"{text!r} names no model: write models:/NAME@ALIAS or models:/NAME/VERSION")
    return ModelUri(found[1], found[2], found[3])
