"""Reasoning Gym's own verifiers; the package is asked for only where a check needs it."""

from __future__ import annotations

import importlib

from training.collector.graders.answers import final_answer
from training.collector.graders.base import BadCheck, Check, Grade


def reasoning_gym(check: Check, answer: str) -> Grade:
    """Score with the verifier of the check's `dataset`; `entry` is the dataset's own row (question, answer, metadata).

    Raises
    ------
    BadCheck
        If the package is absent, or knows no such dataset.
    """
    try:
        package = importlib.import_module("reasoning_gym")
    except ImportError:
        raise BadCheck("grader reasoning_gym needs the package: pip install reasoning-gym") from None
    name = str(check.needs("dataset"))
    try:
        score = package.get_score_answer_fn(name)
    except (ValueError, KeyError, AttributeError):
        raise BadCheck(f"reasoning-gym knows no dataset {name!r}: see reasoning_gym.factory.DATASETS") from None
    return Grade(min(1.0, max(0.0, float(score(final_answer(answer), check.needs("entry"))))))
