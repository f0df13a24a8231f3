"""Items come through unchanged, lazily, with a pause after each full turn."""

from __future__ import annotations

import itertools

import pytest

from serving.control import cooperative
from serving.control.cooperative import yielding_gil


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(cooperative.time, "sleep", slept.append)
    return slept


@pytest.mark.parametrize(("items", "turn", "count"), [(0, 3, 0), (2, 3, 0), (3, 3, 1), (7, 3, 2), (4, 1, 4)])
def test_pauses_after_each_full_turn(pauses: list[float], items: int, turn: int, count: int) -> None:
    assert list(yielding_gil(range(items), turn)) == list(range(items))
    assert len(pauses) == count
    assert all(0.0 < pause < 0.01 for pause in pauses)


def test_takes_items_only_as_they_are_asked_for(pauses: list[float]) -> None:
    endless = itertools.count()
    assert list(itertools.islice(yielding_gil(endless, 2), 5)) == [0, 1, 2, 3, 4]
    assert next(endless) == 5
