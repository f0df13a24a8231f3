"""The exception tree of training: drawn as it is, and mapped to the exit code of invalid input."""

from __future__ import annotations

import inspect
import re

import pytest

from serving.decision.errors import BadInput, ThinkgateError
from training import errors
from training.errors import BadHistory, HistoryEmpty, TooLittleToLearn, TrainingError


def tree() -> dict[str, str]:
    """Parent by class, as the module's docstring draws it."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^    ([│├└─ ]*)(\w+)", line):
            depth = len(found[1]) // 4
            path = [*path[:depth], found[2]]
            if depth:
                parents[found[2]] = path[depth - 1]
    return parents


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn = tree()
    own = {
        name: kind
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and kind.__module__ == errors.__name__
    }
    assert {name: drawn[name] for name in own} == {name: kind.__bases__[0].__name__ for name, kind in own.items()}


@pytest.mark.parametrize("kind", [BadHistory, HistoryEmpty, TooLittleToLearn])
def test_errors_about_data_are_invalid_input(kind: type[BadHistory]) -> None:
    with pytest.raises(BadInput, match="add rows"):
        raise kind("no rows: add rows")


def test_a_failed_step_is_not_blamed_on_the_input() -> None:
    assert issubclass(TrainingError, ThinkgateError)
    assert not issubclass(TrainingError, BadInput)
