"""Task types of a synthetic world and their parameters: every figure is invented, none is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from serving.decision import BadInput, Effort


class BadWorld(BadInput):
    """A synthetic world, or a logging policy on it, that can't be; the message says what to change."""


FAILURE_MODES: Final = ("verbose_wrong_answer", "task_drift", "timeout", "token_bloat", "false_confidence")
"""In the order of every array with a failure axis; index 0 there is 'no failure mode'."""

FOLLOW_UP: Final = "follow_up"
"""'Yes, do it': the last turn says nothing, the conversation before it decides what reasoning is worth."""

LANGUAGES: Final[Mapping[str, float]] = {"en": 0.76, "de": 0.10, "es": 0.08, "zh": 0.06}
"""Share of prompts per language."""

LANGUAGE_PENALTY: Final[Mapping[str, float]] = {"en": 0.0, "de": 0.1, "es": 0.1, "zh": 0.3}
"""Difficulty that a language adds, in logits."""

STRENGTH: Final[Mapping[Effort, float]] = {
    "none": 0.0, "minimal": 0.15, "low": 0.45, "medium": 0.75, "high": 1.0, "xhigh": 1.1, "max": 1.15,
}  # fmt: skip
"""How much of a task's gain an effort reaches."""

THINKING: Final[Mapping[Effort, float]] = {
    "none": 0.0, "minimal": 0.08, "low": 0.25, "medium": 0.55, "high": 1.0, "xhigh": 1.7, "max": 2.6,
}  # fmt: skip
"""Hidden tokens of an effort, as a multiple of those at `high`."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What is true of one task.

    P(success) = floor + (ceiling - overthinking x strength - floor) x sigmoid(gain x strength - difficulty), with
    difficulty = base + span x level + hidden x z. The text shows `level` (blurred); nobody sees z.

    Parameters
    ----------
    share
        Weight in the task mix.
    base, span, hidden, gain
        Logits; `gain` is what reasoning at effort `high` adds.
    floor
        P(success) by guessing.
    ceiling
        P(success) of the direct arm when nothing is difficult.
    overthinking
        What reasoning loses where there is nothing to think about.
    visible, growth
        Median visible tokens at level 0, and the log of their growth to level 1.
    thinking
        Median hidden tokens at effort `high` and difficulty 0.
    failures
        Relative weights of the failure modes of a wrong answer, in the order of `FAILURE_MODES`; a weight of 1 is kept
        for 'no failure mode'.
    """

    share: float
    base: float
    span: float
    hidden: float
    gain: float
    floor: float
    ceiling: float
    overthinking: float
    visible: float
    growth: float
    thinking: float
    failures: tuple[float, float, float, float, float]


_LONG = (1.0, 0.8, 0.25, 0.5, 0.3)  # the answer is long: it rambles or drifts
_SHORT = (0.3, 0.3, 0.1, 0.3, 1.2)  # the answer is short: it is wrong and sure of itself
_EXACT = (0.7, 0.3, 0.35, 0.7, 0.6)  # right or wrong: the search for it may not end

TASKS: Final[Mapping[str, Traits]] = {
    "maths": Traits(0.07, -3.5, 8.0, 0.8, 3.2, 0.00, 0.99, 0.005, 60, 1.6, 1800, _EXACT),
    "planning": Traits(0.05, -2.5, 7.0, 0.8, 2.6, 0.00, 0.98, 0.010, 220, 1.2, 2200, _LONG),
    "trade_off": Traits(0.05, -2.5, 5.0, 0.7, 1.4, 0.05, 0.96, 0.020, 260, 0.8, 1100, _LONG),
    "code": Traits(0.08, -3.0, 7.0, 0.8, 2.4, 0.00, 0.98, 0.010, 140, 1.6, 2000, _EXACT),
    "code_architecture": Traits(0.03, -1.8, 5.5, 0.7, 1.7, 0.00, 0.95, 0.020, 480, 0.9, 1900, _LONG),
    "synthesis": Traits(0.03, -1.5, 5.0, 0.7, 2.0, 0.00, 0.95, 0.010, 380, 0.9, 2300, _LONG),
    "extraction": Traits(0.12, -3.6, 4.2, 0.6, 0.5, 0.00, 0.98, 0.020, 40, 1.6, 500, _SHORT),
    "classification": Traits(0.13, -3.0, 3.6, 0.7, 0.3, 0.35, 0.97, 0.040, 7, 0.5, 350, _SHORT),
    "formatting": Traits(0.08, -4.2, 4.0, 0.5, 0.3, 0.00, 0.99, 0.050, 70, 1.6, 400, _SHORT),
    "rewriting": Traits(0.10, -3.4, 3.0, 0.6, 0.1, 0.10, 0.97, 0.060, 110, 0.6, 450, _LONG),
    "summarising": Traits(0.10, -3.0, 3.6, 0.6, 0.4, 0.05, 0.97, 0.040, 90, 0.7, 500, _LONG),
    "trivia": Traits(0.07, -4.2, 8.5, 0.9, 0.4, 0.02, 0.99, 0.010, 25, 0.3, 450, _SHORT),
    "trick_question": Traits(0.03, -0.3, 2.6, 0.8, 3.2, 0.05, 0.98, 0.000, 50, 0.6, 1000, _EXACT),
    FOLLOW_UP: Traits(0.06, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1, 0.0, 1, _SHORT),  # only the share counts
}
"""All tasks; a follow-up takes every trait but its share from the task that its conversation is about."""

BASE_TASKS: Final = tuple(name for name in TASKS if name != FOLLOW_UP)
"""The tasks that have texts and traits of their own."""
