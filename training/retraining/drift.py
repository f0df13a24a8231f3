"""Tells whether traffic, or what becomes of it, has changed since the reference, with a false-alarm rate that is set.

Pure: two samples in, findings out. Each look compares the newest window with the window that followed the last
promotion; all tests of one look share `alpha` (Bonferroni), so a look at unchanged traffic raises an alarm with at most
that chance. Looks at windows that overlap repeat each other: a daemon looks at each window once.
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
LEAST = 30
"""Fewer values on either side say nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """A window of n requests; what is not known is NaN.

    Parameters
    ----------
    embedding
        float64 (n, D), or (n, 0) where texts are not stored.
    uplift, support
        float64 (n,), forecasts: the scores.
    surprise
        float64 (n,), realised success minus its forecast, for the arm that served.
    tokens
        float64 (n,), log of realised over forecast output tokens, hidden ones among them.
    arm
        object (n,), name of the arm that served: an arm that changes is looked at by itself, for the others hide it.
    """

    embedding: Array
    uplift: Array
    support: Array
    surprise: Array
    tokens: Array
    arm: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.uplift)


@dataclass(frozen=True, slots=True)
class DriftTest:
    """One test of one look.

    Parameters
    ----------
    what
        `prompts`, `scores`, `support`, `calibration` or `tokens`.
    p
        Chance of a difference as large where nothing changed, after correction for all tests of the look.
    """

    what: str
    p: float
    sentence: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """All that one look found; `alarms` are those below `alpha`."""

    findings: tuple[DriftTest, ...]
    alpha: float

    @property
    def alarms(self) -> tuple[DriftTest, ...]:
        """Give what changed."""
        return tuple(finding for finding in self.findings if finding.p <= self.alpha)


def detect_drift(reference: Traffic, newest: Traffic, alpha: float = 0.001, seed: int = 0) -> DriftReport:
    """Compare two windows.

    Parameters
    ----------
    alpha
        Chance of any alarm at one look at traffic that has not changed. At 0.001 and a look an hour: one in six weeks.
    """
    tests = [*_prompts(reference.embedding, newest.embedding, seed)]
    for what, name in (("scores", "uplift"), ("support", "support")):
        tests += _distribution(what, getattr(reference, name), getattr(newest, name))
    for arm in sorted({*reference.arm} & {*newest.arm}):
        a, b = reference.arm == arm, newest.arm == arm
        tests += _mean(
            "calibration", reference.surprise[a], newest.surprise[b], f"{arm}: realised minus forecast success"
        )
        tests += _mean("tokens", reference.tokens[a], newest.tokens[b], f"{arm}: log of realised over forecast tokens")
    corrected = tuple(DriftTest(test.what, min(test.p * len(tests), 1.0), test.sentence) for test in tests)
    return DriftReport(corrected, alpha)


def _prompts(before: Array, after: Array, seed: int) -> Sequence[DriftTest]:
    width = before.shape[1]
    if not width or min(len(before), len(after)) < LEAST:
        return ()
    centre, spread = before.mean(axis=0), before.std(axis=0)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    axes = np.random.default_rng(seed).normal(size=(width, DIRECTIONS))
    sides = [((sample - centre) * scale) @ axes for sample in (before, after)]
    smallest = min(float(stats.ks_2samp(*(side[:, k] for side in sides)).pvalue) for k in range(DIRECTIONS))
    return [DriftTest("prompts", min(smallest * DIRECTIONS, 1.0), "the prompts are of another kind")]


def _distribution(what: str, before: Array, after: Array) -> Sequence[DriftTest]:
    a, b = _known(before), _known(after)
    if min(len(a), len(b)) < LEAST:
        return ()
    p = float(stats.ks_2samp(a, b).pvalue)
    return [DriftTest(what, p, f"forecast {what}: median {np.median(a):.3f}, now {np.median(b):.3f}")]


def _mean(what: str, before: Array, after: Array, words: str) -> Sequence[DriftTest]:
    a, b = _known(before), _known(after)
    if min(len(a), len(b)) < LEAST or a.std() + b.std() < 1e-12:
        return ()
    p = float(stats.ttest_ind(a, b, equal_var=False).pvalue)
    return [DriftTest(what, p, f"{words}: {a.mean():+.3f}, now {b.mean():+.3f}")]


def _known(values: Array) -> NDArray[np.float64]:
    return values[np.isfinite(values)]
