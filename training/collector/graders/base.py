"""Interface of graders: check in, grade out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from serving.decision import BadInput


class BadCheck(BadInput):
    """A check that can't be carried out: its prompt file or this machine needs fixing."""


@dataclass(frozen=True, slots=True)
class Check:
    """How to grade an answer.

    Parameters
    ----------
    grader
        A name in `training.collector.graders.catalog.GRADERS`, or `judge`.
    answer
        The reference answer, where the grader takes one.
    options
        Further options of the grader: `tolerance`, `pattern`, `schema`, `command` ...
    """

    grader: str
    answer: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def require(self, name: str) -> Any:
        """Return a required option of the check.

        Raises
        ------
        BadCheck
            If it is missing.
        """
        value = self.answer if name == "answer" else self.options.get(name)
        if value is None:
            raise BadCheck(f"grader {self.grader} needs {name!r}: add it to the prompt's row (answer, or in check)")
        return value


@dataclass(frozen=True, slots=True)
class Grade:
    """Grade of an answer: `success` 0 to 1, None if it can't be graded; `note` gives the reason, never the answer."""

    success: float | None
    note: str = ""


Grader: TypeAlias = Callable[[Check, str], Grade]
