"""Support tells unseen kinds of requests from seen ones; the task head names the seen ones."""

from __future__ import annotations

import numpy as np

from training.models.support import fit_components, fit_support, fit_tasks, similarity


def clusters(rng: np.random.Generator, kinds: int, each: int, width: int = 12) -> tuple[np.ndarray, np.ndarray]:
    centres = rng.normal(0, 3, size=(kinds, width))
    x = np.concatenate([centre + rng.normal(size=(each, width)) for centre in centres]).astype(np.float32)
    return x, np.array([f"task {kind}" for kind in range(kinds) for _ in range(each)], object)


def test_unseen_tasks_have_less_support_than_seen_ones() -> None:
    rng = np.random.default_rng(0)
    x, tasks = clusters(rng, 12, 80)
    seen = np.array([int(task.split()[1]) < 8 for task in tasks])
    head = fit_support(fit_components(x[seen], rng), x[seen], tasks[seen], rng)
    support = head.map(similarity(head, x))
    assert ((support >= 0) & (support <= 1)).all()
    assert support[seen].mean() > support[~seen].mean() + 0.3


def test_without_labels_strangers_have_no_support() -> None:
    rng = np.random.default_rng(1)
    x, _ = clusters(rng, 4, 100)
    head = fit_support(fit_components(x, rng), x, np.array([None] * len(x), object), rng)
    strangers = (-3 * x.mean(axis=0) + rng.normal(0, 6, size=(50, x.shape[1]))).astype(np.float32)
    assert np.median(head.map(similarity(head, x))) == 1.0
    assert head.map(similarity(head, strangers)).mean() < 0.6


def test_tasks_are_told_apart() -> None:
    rng = np.random.default_rng(2)
    x, tasks = clusters(rng, 3, 100)
    components = fit_components(x, rng)
    head = fit_tasks(components, x, tasks, rng)
    assert head is not None
    logits = components.of(x) @ head.weight + head.bias
    assert np.mean(np.array(head.names)[logits.argmax(axis=1)] == tasks) > 0.95
    assert fit_tasks(components, x, np.array(["one"] * len(x), object), rng) is None
    two = fit_tasks(components, x[:200], tasks[:200], rng)
    assert two is not None
    assert two.weight.shape == (12, 2)
