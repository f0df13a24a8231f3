"""Derives the arms from a history that comes without an `arms.toml`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from serving.decision.types import EFFORTS, Arm, Effort
from training.grouping import numbers
from training.sufficiency import require_two

REASONING_OUTPUT_TOKENS: Final = 2500.0
REASONING_LATENCY_MS: Final = 20_000.0
"""What a reasoning arm that nobody described is taken to use, until the history says better."""


def default_arms(frame: pd.DataFrame) -> tuple[Arm, ...]:
    """Name the arms of a history, baseline first.

    The baseline is `direct`; without one, the arm with the fewest output tokens on average; without tokens, the first
    by name. The model is the arm's most frequent one (the arm's own name where the history has no model). An arm named
    like an effort has that effort; else the baseline has `none` and every other arm `high`.

    Parameters
    ----------
    frame
        One row per call with `arm`, and `model` and `output_tokens` where known.

    Raises
    ------
    TooLittleToLearn
        If the history has one arm only.

    Examples
    --------
    >>> [arm.name for arm in default_arms(pd.DataFrame({"arm": ["reasoning", "direct"]}))]
    ['direct', 'reasoning']
    """
    names = sorted(str(name) for name in frame["arm"].dropna().unique())
    require_two(names)
    tokens = pd.Series(numbers(frame, "output_tokens")).groupby(frame["arm"].astype(object).to_numpy()).mean()
    tokens = tokens.fillna(np.inf)
    names.sort(key=lambda name: (name != "direct", tokens.get(name, np.inf)))
    return tuple(_default_arm(frame, name, baseline=name == names[0]) for name in names)


def _default_arm(frame: pd.DataFrame, name: str, *, baseline: bool) -> Arm:
    models = frame.loc[frame["arm"] == name, "model"].dropna().astype(str) if "model" in frame else pd.Series(dtype=str)
    effort: Effort = next((known for known in EFFORTS if known == name), "none" if baseline else "high")
    arm = Arm(name, str(models.mode().iloc[0]) if len(models) else name, effort)
    if effort in ("none", "minimal"):
        return arm
    return replace(arm, default_output_tokens=REASONING_OUTPUT_TOKENS, default_latency_ms=REASONING_LATENCY_MS)
