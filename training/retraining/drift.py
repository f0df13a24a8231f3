"""Drift detection with a set false-alarm rate: compares a window of traffic and outcomes with a reference window.

Pure: two samples in, findings out. Each run compares the newest window with the window that followed the last
promotion; all tests of one run share `alpha` (Bonferroni), so unchanged traffic raises an alarm with at most that
probability. Runs on overlapping windows are not independent: the daemon tests each window once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from training.types import Array

DIRECTIONS = 8
"""Fixed random directions along which embeddings are compared."""
MIN_VALUES = 30
"""Fewer values on either side are not tested."""


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """A window of n requests; what is not known is NaN.

    Parameters
    ----------
    embedding
        float64 (n, D), or (n, 0) where texts are not stored.
    uplift, support
        float64 (n,), forecasts: the scores.
    residual
        float64 (n,), realised success minus its forecast, for the arm that served.
    log_token_ratio
        float64 (n,), log of realised over forecast output tokens, hidden ones among them.
    arm
        object (n,), name of the arm that served: arms are tested one by one, since the others would mask a change.
    """

    embedding: Array
    uplift: Array
    support: Array
    residual: Array
    log_token_ratio: Array
    arm: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.uplift)


@dataclass(frozen=True, slots=True)
class DriftTest:
    """Result of one test.

    Parameters
    ----------
    what
        `prompts`, `scores`, `support`, `calibration` or `tokens`.
    p
        p-value, corrected for all tests of the run.
    """

    what: str
    p: float
    sentence: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Results of all tests of one run; `alarms` are those with p at most `alpha`."""

    findings: tuple[DriftTest, ...]
    alpha: float

    @property
    def alarms(self) -> tuple[DriftTest, ...]:
        """The tests that found a change."""
        return tuple(finding for finding in self.findings if finding.p <= self.alpha)


def detect_drift(reference: Traffic, newest: Traffic, alpha: float = 0.001, seed: int = 0) -> DriftReport:
    """Compare two windows.

    Parameters
    ----------
    alpha
        Probability of any alarm on unchanged traffic. At 0.001 and a run an hour: one in six weeks.
    """
    tests = [*_prompts(reference.embedding, newest.embedding, seed)]
    for what, name in (("scores", "uplift"), ("support", "support")):
        tests += _distribution(what, getattr(reference, name), getattr(newest, name))
    for arm in sorted({*reference.arm} & {*newest.arm}):
        a, b = reference.arm == arm, newest.arm == arm
        tests += _mean(
            "calibration", reference.residual[a], newest.residual[b], f"{arm}: realised minus forecast success"
        )
        tests += _mean(
            "tokens",
            reference.log_token_ratio[a],
            newest.log_token_ratio[b],
            f"{arm}: log of realised over forecast tokens",
        )
    corrected = tuple(DriftTest(test.what, min(test.p * len(tests), 1.0), test.sentence) for test in tests)
    return DriftReport(corrected, alpha)


def _prompts(before: Array, after: Array, seed: int) -> Sequence[DriftTest]:
    width = before.shape[1]
    if not width or min(len(before), len(after)) < MIN_VALUES:
        return ()
    centre, spread = before.mean(axis=0), before.std(axis=0)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    axes = np.random.default_rng(seed).normal(size=(width, DIRECTIONS))
    sides = [((sample - centre) * scale) @ axes for sample in (before, after)]
    smallest = min(float(stats.ks_2samp(*(side[:, k] for side in sides)).pvalue) for k in range(DIRECTIONS))
    return [DriftTest("prompts", min(smallest * DIRECTIONS, 1.0), "the distribution of prompts has changed")]


def _distribution(what: str, before: Array, after: Array) -> Sequence[DriftTest]:
    a, b = _known(before), _known(after)
    if min(len(a), len(b)) < MIN_VALUES:
        return ()
    p = float(stats.ks_2samp(a, b).pvalue)
    return [DriftTest(what, p, f"forecast {what}: median {np.median(a):.3f}, now {np.median(b):.3f}")]


def _mean(what: str, before: Array, after: Array, words: str) -> Sequence[DriftTest]:
    a, b = _known(before), _known(after)
    if min(len(a), len(b)) < MIN_VALUES or a.std() + b.std() < 1e-12:
        return ()
    p = float(stats.ttest_ind(a, b, equal_var=False).pvalue)
    return [DriftTest(what, p, f"{words}: {a.mean():+.3f}, now {b.mean():+.3f}")]


def _known(values: Array) -> NDArray[np.float64]:
    return values[np.isfinite(values)]
