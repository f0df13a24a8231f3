"""Support tells unseen kinds of requests from seen ones; the task head names the seen ones."""

from __future__ import annotations

import numpy as np

from training.models.support import fit_components, fit_support, fit_tasks, held_out_support, support_of


def clusters(rng: np.random.Generator, kinds: int, each: int, width: int = 12) -> tuple[np.ndarray, np.ndarray]:
    centres = rng.normal(0, 3, size=(kinds, width))
    x = np.concatenate([centre + rng.normal(size=(each, width)) for centre in centres]).astype(np.float32)
    return x, np.array([f"task {kind}" for kind in range(kinds) for _ in range(each)], object)


def test_unseen_tasks_have_less_support_than_seen_ones() -> None:
    rng = np.random.default_rng(0)
    x, tasks = clusters(rng, 12, 80)
    seen = np.array([int(task.split()[1]) < 8 for task in tasks])
    head = fit_support(fit_components(x[seen], rng), x[seen], tasks[seen], rng)
    support = support_of(head, x)
    assert ((support >= 0) & (support <= 1)).all()
    assert support[seen].mean() > support[~seen].mean() + 0.3


def test_without_labels_strangers_have_no_support() -> None:
    rng = np.random.default_rng(1)
    x, _ = clusters(rng, 4, 100)
    head = fit_support(fit_components(x, rng), x, np.array([None] * len(x), object), rng)
    strangers = (-3 * x.mean(axis=0) + rng.normal(0, 6, size=(50, x.shape[1]))).astype(np.float32)
    assert np.median(support_of(head, x)) == 1.0
    assert support_of(head, strangers).mean() < 0.6


def test_a_request_that_varies_where_the_training_prompts_do_not_has_no_support() -> None:
    rng = np.random.default_rng(4)
    width, hidden = 80, rng.normal(size=(3, 80))
    known = (rng.normal(size=(400, 3)) @ hidden + 0.05 * rng.normal(size=(400, width))).astype(np.float32)
    fresh = (rng.normal(size=(200, 3)) @ hidden + 0.05 * rng.normal(size=(200, width))).astype(np.float32)
    strangers = (fresh + rng.normal(size=(200, width))).astype(np.float32)
    tasks = np.array([None] * len(known), object)
    head = fit_support(fit_components(known, rng), known, tasks, rng)
    own, foreign = support_of(head, fresh), support_of(head, strangers)
    assert np.mean(own == 1.0) > 0.7
    assert foreign.max() < 0.01
    # Their components alone look like anybody's: the cosine does not tell them.
    near = [
        (z / np.linalg.norm(z, axis=1, keepdims=True)) @ head.centroids.T
        for z in map(head.components.of, (fresh, strangers))
    ]
    assert np.mean(head.map(near[1].max(axis=1))) > 0.5


def test_held_out_support_is_that_of_prompts_that_were_not_seen() -> None:
    rng = np.random.default_rng(5)
    x, tasks = clusters(rng, 8, 30, width=60)
    fold = np.arange(len(x)) % 5
    head = fit_support(fit_components(x, rng), x, tasks, rng)
    held = held_out_support(head, x, fold, rng)
    assert ((held >= 0) & (held <= 1)).all()
    assert held.mean() < support_of(head, x).mean()


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
