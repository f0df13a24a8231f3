"""Infers the arms of a history that has no `arms.toml`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from serving.decision import EFFORTS, Arm, Effort
from training.dataset.aggregation import numeric_column
from training.dataset.requirements import require_two

REASONING_OUTPUT_TOKENS: Final = 2500.0
REASONING_LATENCY_MS: Final = 20_000.0
"""Default usage of an inferred reasoning arm, until the history has its own figures."""


def infer_arms(frame: pd.DataFrame) -> tuple[Arm, ...]:
    """Infer the arms of a history, baseline first.

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
    >>> [arm.name for arm in infer_arms(pd.DataFrame({"arm": ["reasoning", "direct"]}))]
    ['direct', 'reasoning']
    """
    return name_arms(arm_usage(frame))


def arm_usage(frame: pd.DataFrame) -> pd.DataFrame:
    """Aggregate usage by arm and model ("" where unknown): rows, known output tokens and their sum.

    Usages of parts of a history may be concatenated.
    """
    arm = frame["arm"].astype(object)
    model = frame["model"].astype(object) if "model" in frame else pd.Series(None, frame.index, object)
    tokens = pd.Series(numeric_column(frame, "output_tokens"), frame.index)
    table = pd.DataFrame({"arm": arm, "model": model.fillna("").astype(str), "tokens": tokens})
    table = table[arm.notna()]
    return table.groupby(["arm", "model"], sort=True)["tokens"].agg(rows="size", known="count", sum="sum").reset_index()


def name_arms(used: pd.DataFrame) -> tuple[Arm, ...]:
    """Infer the arms from their usage, see `infer_arms`.

    Raises
    ------
    TooLittleToLearn
        If there is one arm only.
    """
    names = sorted(str(name) for name in used["arm"].unique())
    require_two(names)
    sums = used.groupby("arm")[["known", "sum"]].sum()
    tokens = {
        str(name): row["sum"] / row["known"] if row["known"] else np.inf for name, row in sums.to_dict("index").items()
    }
    names.sort(key=lambda name: (name != "direct", tokens[name]))
    return tuple(_default_arm(used, name, baseline=name == names[0]) for name in names)


def _default_arm(used: pd.DataFrame, name: str, *, baseline: bool) -> Arm:
    own = used[(used["arm"] == name) & (used["model"] != "")].groupby("model")["rows"].sum()
    effort: Effort = next((known for known in EFFORTS if known == name), "none" if baseline else "high")
    arm = Arm(name, str(own.idxmax()) if len(own) else name, effort)
    if effort in ("none", "minimal"):
        return arm
    return replace(arm, default_output_tokens=REASONING_OUTPUT_TOKENS, default_latency_ms=REASONING_LATENCY_MS)
