"""Support and task type of a request: similarity to training prompts, typicality, and a task classifier."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import LogisticRegression

from serving.decision import FloatArray
from training.models.boosting import folds_of
from training.models.calibration import monotone_map
from training.models.fitted_model import Components, PiecewiseLinear, SupportHead, TaskHead
from training.types import Array, IntArray

MINIMUM_TASKS = 4
"""Fewer task types than this can't play the unseen one in turn."""
SAMPLE = 20_000
"""Prompts that components, centroids and the task head are learnt from, at most."""
COMPONENTS = 48
"""On public data 32 to 48 components separate unseen task types as well as the whole row; a decision reads all of the
basis, so its size is time."""
SIMULATIONS = 5
CELL = 40
"""Prompts per centroid, about."""
PARTS = 3
"""Parts of the prompts that the typicality is calibrated on in turn, by components of the others."""
ATYPICAL = 0.1
"""Share of the prompts, those with the largest residuals, whose typicality is below 1."""


def fit_components(x: FloatArray, rng: np.random.Generator) -> Components:
    """Find the principal components of the standardised design rows.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    """
    x = x[_sample(len(x), rng)]
    mean = x.mean(axis=0, dtype=np.float64)
    spread = x.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 1e-6, 1.0 / np.maximum(spread, 1e-6), 0.0)
    z = np.asarray((x - mean) * scale, np.float64)
    _, axes = np.linalg.eigh(z.T @ z / len(z))
    return Components(mean, scale, axes[:, ::-1][:, :COMPONENTS])


def fit_support(
    components: Components, x: FloatArray, tasks: NDArray[np.object_], rng: np.random.Generator
) -> SupportHead:
    """Place centroids over the training prompts, map similarity to support, and calibrate typicality.

    With task labels, task types are left out in turn: support is the share of seen ones among prompts that are as
    similar. Without, it is the share of held-out prompts that are less similar. Typicality is the share of held-out
    prompts with as large a residual, in multiples of `ATYPICAL`.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    tasks
        object (n,), None where unknown.
    """
    rows = _sample(len(x), rng)
    tasks = tasks[rows]
    z = _unit(components.of(x[rows]))
    names = np.unique([str(task) for task in tasks if task is not None])
    similarity_map = _by_unseen_tasks(z, tasks, names, rng) if len(names) >= MINIMUM_TASKS else _by_rank(z, rng)
    return SupportHead(components, _centroids(z, rng), similarity_map, _typicality(x[rows], rng))


def support_of(head: SupportHead, x: FloatArray) -> Array:
    """Give the support of design rows: float64 (n,), in [0, 1]."""
    similarity = (_unit(head.components.of(x)) @ head.centroids.T).max(axis=1)
    return _supported(head, similarity, head.components.residual(x))


def held_out_support(head: SupportHead, x: FloatArray, fold: IntArray, rng: np.random.Generator) -> Array:
    """Support of every prompt by centroids and components that were fitted without its fold: float64 (n,)."""
    found = np.empty(len(x))
    z = _unit(head.components.of(x))
    for f in range(fold.max() + 1):
        others = _sample_of(np.flatnonzero(fold != f), rng)
        near = (z[fold == f] @ _centroids(z[others], rng).T).max(axis=1)
        residual = fit_components(x[others], rng).residual(x[fold == f])
        found[fold == f] = _supported(head, near, residual)
    return found


def fit_tasks(
    components: Components, x: FloatArray, tasks: NDArray[np.object_], rng: np.random.Generator
) -> TaskHead | None:
    """Learn the task type by regularised multinomial logistic regression; None with fewer than two types."""
    labelled = np.flatnonzero([task is not None for task in tasks])
    labels = np.array([str(tasks[row]) for row in labelled])
    if len(np.unique(labels)) < 2:
        return None
    chosen = _sample(len(labelled), rng)
    z, labels = components.of(x[labelled[chosen]]), labels[chosen]
    model = LogisticRegression(C=0.05, max_iter=1000, tol=1e-3).fit(z, labels)
    weight, bias = np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64)
    if len(model.classes_) == 2:
        weight, bias = np.vstack([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    return TaskHead(tuple(str(name) for name in model.classes_), weight.T, bias)


def _by_unseen_tasks(
    z: Array, tasks: NDArray[np.object_], names: NDArray[np.str_], rng: np.random.Generator
) -> PiecewiseLinear:
    labels = np.array([str(task) for task in tasks])
    group = dict(zip(names, rng.permutation(len(names)) % min(SIMULATIONS, len(names)), strict=True))
    part = np.array([group.get(label, -1) for label in labels])
    held = folds_of(labels, 5, rng) == 0
    seen, unseen = [], []
    for g in range(max(group.values()) + 1):
        left_out = part == g
        centroids = _centroids(z[~left_out & ~held], rng)
        seen.append((z[~left_out & held] @ centroids.T).max(axis=1))
        unseen.append((z[left_out] @ centroids.T).max(axis=1))
    near, far = np.concatenate(seen), np.concatenate(unseen)
    # Both kinds count alike: support is a property of the prompt, not of how many tasks were left out.
    weight = np.concatenate([np.full(len(near), 1 / len(near)), np.full(len(far), 1 / len(far))])
    label = np.concatenate([np.ones(len(near)), np.zeros(len(far))])
    return monotone_map(np.concatenate([near, far]), label, weight)


def _by_rank(z: Array, rng: np.random.Generator) -> PiecewiseLinear:
    held = rng.random(len(z)) < 0.2
    near = np.sort((z[held] @ _centroids(z[~held], rng).T).max(axis=1))
    knots = np.unique(np.quantile(near, np.linspace(0, 1, 21)))
    below = np.searchsorted(near, knots, side="right") / len(near)
    # The least similar twentieth of known prompts marks the way from no support to full support.
    return PiecewiseLinear(np.append(knots[0] - 0.2, knots), np.append(0.0, np.minimum(1.0, 0.5 + 10 * below)))


def _typicality(x: FloatArray, rng: np.random.Generator) -> PiecewiseLinear:
    part = rng.permutation(len(x)) % PARTS
    residual = np.concatenate(
        [fit_components(x[part != p], rng).residual(x[part == p]) for p in range(PARTS) if (part != p).any()]
    )
    share = np.append(np.linspace(ATYPICAL, 0.01, 10), 0.0)
    # Beyond the largest residual that was seen the factor goes to 0 over as much again as lies above the median.
    knots = np.quantile(residual, 1.0 - share)
    end = knots[-1] + max(knots[-1] - np.median(residual), 1e-6)
    x_knots, first = np.unique(np.append(knots, end), return_index=True)
    return PiecewiseLinear(x_knots, np.append(np.maximum(share, 0.005) / ATYPICAL, 0.0)[first])


def _supported(head: SupportHead, similarity: Array, residual: Array) -> Array:
    return np.asarray(np.clip(head.map(similarity), 0, 1) * head.typicality(residual), np.float64)


def _centroids(z: Array, rng: np.random.Generator) -> Array:
    count = int(np.clip(len(z) // CELL, 1, 128))
    model = MiniBatchKMeans(count, n_init=1, batch_size=1024, max_iter=30, random_state=int(rng.integers(2**31)))
    return _unit(np.asarray(model.fit(np.asarray(z, np.float32)).cluster_centers_, np.float64))


def _unit(z: Array) -> Array:
    return np.asarray(z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12), np.float64)


def _sample_of(rows: IntArray, rng: np.random.Generator) -> IntArray:
    return rows[_sample(len(rows), rng)]


def _sample(n: int, rng: np.random.Generator) -> IntArray:
    if n <= SAMPLE:
        return np.arange(n)
    return np.sort(rng.choice(n, SAMPLE, replace=False))
