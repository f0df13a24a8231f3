"""Comparison routers that read an embedding: kNN, logistic regression, their mean, matrix factorisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from serving.decision import BadInput
from training.evaluation.baselines import (
    Baseline,
    PerTaskAverage,
    RandomRate,
    RouterSample,
    Scorer,
    cross_fitted,
    folds,
    uplift_over_baseline,
)
from training.metrics import RealisedOutcomes, Router, area_over_random
from training.progress import Progress, silent
from training.types import Array, IntArray

Learn = Callable[[RouterSample, IntArray], tuple[Router, ...]]
"""Fits comparison routers on a sample, given its folds."""
MAX_PROMPTS = 20_000
"""Of a longer history the comparison routers learn from a random part: their cost grows faster than ours."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """k nearest prompts by cosine similarity; k is the one with the largest area in an inner cross-validation."""

    name: str = "kNN"
    choices: tuple[int, ...] = (5, 10, 20, 40, 80)
    inner_folds: int = 4
    seed: int = 0

    def fit(self, train: RouterSample) -> Scorer:
        """Keep the prompts and choose k."""
        train = train.at_most(MAX_PROMPTS, self.seed)
        k = self._chosen(train)
        return lambda sample: uplift_over_baseline(self._averages(train, sample, (k,))[0])

    def _chosen(self, train: RouterSample) -> int:
        if len(train.success) < 2 * self.inner_folds:
            return self.choices[0]
        guesses = np.full((len(self.choices), *train.success.shape), np.nan)
        for fold in range(self.inner_folds):
            out = folds(len(train.success), self.inner_folds, self.seed) == fold
            guesses[:, out] = self._averages(train.rows(~out), train.rows(out), self.choices)
        return self.choices[int(np.argmax([_merit(train.success, guess) for guess in guesses]))]

    @staticmethod
    def _averages(train: RouterSample, sample: RouterSample, choices: Sequence[int]) -> Array:
        """(len(choices), n, K): mean success of the nearest prompts that saw the arm, in blocks of 1000 rows."""
        here, there = _unit(sample.embedding), _unit(train.embedding)
        known, value = np.isfinite(train.success), np.nan_to_num(train.success)
        overall, most = np.nanmean(train.success, axis=0), min(max(choices), len(there))
        out = np.empty((len(choices), len(here), train.success.shape[1]))
        for start in range(0, len(here), 1000):
            near = here[start : start + 1000] @ there.T
            best = np.argpartition(-near, most - 1, axis=1)[:, :most]
            order = np.argsort(-np.take_along_axis(near, best, axis=1), axis=1, kind="stable")
            best = np.take_along_axis(best, order, axis=1)
            for i, k in enumerate(choices):
                rows = best[:, :k]
                total = value[rows].sum(axis=1) + overall
                out[i, start : start + 1000] = total / (known[rows].sum(axis=1) + 1.0)
        return out


@dataclass(frozen=True, slots=True)
class Logistic:
    """A T-learner: one logistic regression of success per arm, on the embedding (and the features, if asked)."""

    name: str = "logistic T-learner"
    strength: float = 1.0
    with_features: bool = False

    def fit(self, train: RouterSample) -> Scorer:
        """Fit one regression per arm."""
        predict = self.success(train)
        return lambda sample: uplift_over_baseline(predict(sample))

    def success(self, train: RouterSample) -> Scorer:
        """A predictor of success per arm, (n, K)."""
        train = train.at_most(MAX_PROMPTS, 0)
        design = self._design(train)
        centre, scale = design.mean(axis=0), design.std(axis=0) + 1e-9
        standard = (design - centre) / scale
        arms = [_soft_logistic(standard, y, self.strength) for y in train.success.T]
        weight, bias = np.column_stack([w[:-1] for w in arms]), np.array([w[-1] for w in arms])
        return lambda sample: np.asarray(expit((self._design(sample) - centre) / scale @ weight + bias))

    def _design(self, sample: RouterSample) -> Array:
        if self.with_features and sample.features is not None:
            return np.column_stack([sample.embedding, sample.features]).astype(np.float64)
        return np.asarray(sample.embedding, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class LogisticNeighbours:
    """The recipe behind the leaders of public router leaderboards: mean of logistic regression and kNN."""

    name: str = "LR + kNN"
    logistic: Logistic = field(default_factory=lambda: Logistic(strength=0.01))
    neighbours: Neighbours = field(default_factory=Neighbours)

    def fit(self, train: RouterSample) -> Scorer:
        """Fit both."""
        regression, near = self.logistic.fit(train), self.neighbours.fit(train)
        return lambda sample: (regression(sample) + near(sample)) / 2


@dataclass(frozen=True, slots=True)
class MatrixFactorisation:
    """RouteLLM's class: score = u . (prompt projection x arm embedding), learnt from preferences between arms.

    A tie counts half for each side, which is kinder than counting it for one of them. L-BFGS instead of Adam: the
    problem is small. (Ong et al. 2024, arXiv 2406.18665.)

    Parameters
    ----------
    rank
        Size of the shared space.
    decay
        Weight of the squared norms.
    """

    name: str = "matrix factorisation"
    rank: int = 32
    decay: float = 3e-4
    steps: int = 60
    seed: int = 0

    def fit(self, train: RouterSample) -> Scorer:
        """Fit the projection and the arm embeddings on prompts where both the arm and the baseline are known."""
        train = train.at_most(MAX_PROMPTS, self.seed)
        centre = train.embedding.mean(axis=0)
        x = _unit(train.embedding - centre)
        # Doubly robust outcomes leave [0, 1]; a label beyond it would make the loss fall without end.
        better = np.clip((1 + train.success[:, 1:] - train.success[:, :1]) / 2, 0.0, 1.0)
        known = np.isfinite(better)
        if not known.any():
            raise BadInput("no prompt was answered by the baseline and another arm: preferences need paired history")
        label, arms = np.where(known, better, 0.5), better.shape[1]
        first = np.random.default_rng(self.seed).normal(0, 0.3, self.rank * x.shape[1] + arms * (self.rank + 1))

        def loss(theta: Array) -> tuple[float, Array]:
            f = _Factors.of(theta, arms, self.rank)
            z, logit = x @ f.w, f.logit(x)
            cross = np.where(known, np.logaddexp(0, logit) - label * logit, 0.0).sum() / known.sum()
            slope = np.where(known, expit(logit) - label, 0.0) / known.sum()
            sides = np.column_stack([slope.T @ z + 2 * self.decay * f.v, slope.sum(axis=0)])
            size = self.decay * (float((f.w**2).sum()) + float((f.v**2).sum()))
            return float(cross) + size, np.append((x.T @ (slope @ f.v) + 2 * self.decay * f.w).ravel(), sides.ravel())

        found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": self.steps})
        fitted = _Factors.of(found.x, arms, self.rank)
        return lambda sample: 2 * np.asarray(expit(fitted.logit(_unit(sample.embedding - centre)))) - 1


PLAIN: tuple[Baseline, ...] = (RandomRate(), PerTaskAverage())
"""The routers that read no embedding."""


def embedding_routers(embedding: str = "MiniLM") -> tuple[Baseline, ...]:
    """All comparison routers of the report, named after the embedding that they read."""
    return (
        *PLAIN,
        Neighbours(f"kNN on {embedding}"),
        Logistic(f"logistic T-learner on {embedding} + features", 0.01, with_features=True),
        LogisticNeighbours(f"LR + kNN on {embedding}"),
        MatrixFactorisation(f"matrix factorisation on {embedding}"),
    )


def fit_baselines(
    sample: RouterSample, fold: IntArray, embedding_name: str, progress: Progress = silent, *, plain: bool = False
) -> tuple[Router, ...]:
    """Fit every comparison router on the same folds and score each prompt out of fold.

    Parameters
    ----------
    fold
        int64 (n,), fold of each prompt.
    plain
        Fit only the routers that read no embedding; they take no time.
    """
    baselines, fitted = PLAIN if plain else embedding_routers(embedding_name), []
    for done, baseline in enumerate(baselines):
        progress("comparison routers", done, len(baselines))
        fitted.append(cross_fitted(baseline, sample, fold))
    progress("comparison routers", len(baselines), len(baselines))
    return tuple(fitted)


def _unit(x: Array) -> Array:
    unit: Array = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return unit


def _merit(success: Array, guess: Array) -> float:
    """Area over random where history is paired, else minus the squared error of the outcomes that were seen."""
    paired = np.isfinite(success).all(axis=1)
    if paired.sum() >= 20:
        return float(
            area_over_random(
                RealisedOutcomes(success[paired]), Router.from_uplift("", uplift_over_baseline(guess[paired]))
            )[0]
        )
    return -float(np.nanmean((success - guess) ** 2))


def _soft_logistic(x: Array, y: Array, strength: float) -> Array:
    """Weights and bias (D+1,) of a ridge-penalised logistic regression on success in [0, 1]; NaN rows are left out."""
    seen = np.isfinite(y)
    if not seen.any():
        raise BadInput("an arm was never observed: every arm needs outcomes")
    x, y = x[seen], y[seen]

    def loss(theta: Array) -> tuple[float, Array]:
        logit, w = x @ theta[:-1] + theta[-1], theta[:-1]
        rest = expit(logit) - y
        value = float((np.logaddexp(0, logit) - y * logit).sum()) + float(w @ w) / (2 * strength)
        return value, np.append(x.T @ rest + w / strength, rest.sum())

    found: Array = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    return found


@dataclass(frozen=True, slots=True)
class _Factors:
    """Projection (D, R), arm embeddings (K-1, R) and arm offsets (K-1,)."""

    w: Array
    v: Array
    b: Array

    @staticmethod
    def of(theta: Array, arms: int, rank: int) -> _Factors:
        """Cut a flat vector."""
        cut = len(theta) - arms * (rank + 1)
        v = theta[cut:].reshape(arms, rank + 1)
        return _Factors(theta[:cut].reshape(-1, rank), v[:, :-1], v[:, -1])

    def logit(self, x: Array) -> Array:
        """Prompts (n, D) -> (n, K-1)."""
        logit: Array = x @ self.w @ self.v.T + self.b
        return logit
