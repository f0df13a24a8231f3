"""Tasks of the synthetic world: complete tables, and benefit where the design says that it is."""

from __future__ import annotations

from dataclasses import fields

import pytest

from serving.decision import EFFORTS
from training.synthetic.task_types import (
    BASE_TASKS,
    FAILURE_MODES,
    FOLLOW_UP,
    LANGUAGE_PENALTY,
    LANGUAGES,
    STRENGTH,
    TASKS,
    THINKING,
)


def test_every_effort_has_strength_and_thinking_that_rise_with_it() -> None:
    for table in (STRENGTH, THINKING):
        values = [table[effort] for effort in EFFORTS]
        assert values[0] == 0.0
        assert values == sorted(values)
        assert len(set(values)) == len(EFFORTS)


def test_languages_are_shares_with_a_penalty_each() -> None:
    assert sum(LANGUAGES.values()) == pytest.approx(1.0)
    assert set(LANGUAGE_PENALTY) == set(LANGUAGES)


@pytest.mark.parametrize("task", TASKS)
def test_traits_are_probabilities_where_they_claim_to_be(task: str) -> None:
    traits = TASKS[task]
    assert 0.0 <= traits.floor < traits.ceiling - traits.overthinking <= 1.0
    assert len(traits.failures) == len(FAILURE_MODES)
    assert traits.share > 0.0
    assert all(getattr(traits, field.name) is not None for field in fields(traits))


def test_follow_ups_are_no_base_task() -> None:
    assert FOLLOW_UP in TASKS
    assert FOLLOW_UP not in BASE_TASKS
    assert set(BASE_TASKS) == set(TASKS) - {FOLLOW_UP}
