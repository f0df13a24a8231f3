"""What a grader is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from serving.decision.errors import BadInput


class BadCheck(BadInput):
    """A check that can't be carried out: its prompt file, or this machine, has to be mended."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a right answer is.

    Parameters
    ----------
    grader
        A name in `training.collector.graders.catalog.GRADERS`, or `judge`.
    answer
        The reference answer, where the grader takes one.
    more
        What else the grader takes: `tolerance`, `pattern`, `schema`, `command` ...
    """

    grader: str
    answer: str | None = None
    more: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def needs(self, name: str) -> Any:
        """Give a part of the check.

        Raises
        ------
        BadCheck
            If it is not there.
        """
        value = self.answer if name == "answer" else self.more.get(name)
        if value is None:
            raise BadCheck(f"grader {self.grader} needs {name!r}: add it to the prompt's row (answer, or in check)")
        return value


@dataclass(frozen=True, slots=True)
class Grade:
    """How good an answer is: `success` 0 to 1, None where it can't be told; `note` says why, without the answer."""

    success: float | None
    note: str = ""


Grader: TypeAlias = Callable[[Check, str], Grade]
