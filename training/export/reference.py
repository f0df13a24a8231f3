"""Reference semantics of a fitted model in numpy and LightGBM; the graph must agree to 1e-5."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.decision import FloatArray
from training.models import FittedModel, QuantityHead, TreeHead, raw_scores, sigmoid, support_of
from training.types import Array


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions for n prompts, K arms, T task types; fields as `serving.decision.types.Prediction`.

    Parameters
    ----------
    task_probabilities
        float64 (n, T); T is 0 without task labels.
    """

    success: Array
    uplift: Array
    uplift_lower: Array
    uplift_upper: Array
    output_tokens_mean: Array
    output_tokens_p95: Array
    latency_mean_ms: Array
    latency_p95_ms: Array
    support: Array
    task_probabilities: Array


def predict(model: FittedModel, x: FloatArray) -> Predictions:
    """Evaluate all heads.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    """
    success_score = np.column_stack([sigmoid(raw_scores(head.score, x)) for head in model.success])
    support = support_of(model.support, x)
    trust = support[:, None] if model.feature_only else np.ones((len(x), 1))
    if model.feature_only:
        feature_only = np.column_stack([sigmoid(raw_scores(head, x)) for head in model.feature_only])
        success_score = feature_only + trust * (success_score - feature_only)
    success = np.column_stack([head.calibration(success_score[:, k]) for k, head in enumerate(model.success)])
    widening = 1 + model.widening * (1 - support)
    uplift, lower, upper = (np.empty((len(x), len(model.uplift))) for _ in range(3))
    for j, head in enumerate(model.uplift):
        score = head.success_weight * (success_score[:, j + 1] - success_score[:, 0])
        if head.direct is not None:
            score = score + trust[:, 0] * raw_scores(head.direct, x)
        uplift[:, j] = head.calibration(score)
        lower[:, j] = uplift[:, j] - head.below(score) * widening
        upper[:, j] = uplift[:, j] + head.above(score) * widening
    tokens, latency = _quantities(model.output_tokens, x), _quantities(model.latency_ms, x)
    return Predictions(
        success=np.clip(success, 0, 1),
        uplift=np.clip(uplift, -1, 1),
        uplift_lower=np.clip(lower, -1, 1),
        uplift_upper=np.clip(upper, -1, 1),
        output_tokens_mean=tokens[0],
        output_tokens_p95=tokens[1],
        latency_mean_ms=latency[0],
        latency_p95_ms=latency[1],
        support=support,
        task_probabilities=_tasks(model, x),
    )


def _quantities(heads: tuple[QuantityHead, ...], x: FloatArray) -> Array:
    """Mean and p95: float64 (2, n, K)."""
    mean = np.column_stack([_quantity(head.mean, x) for head in heads])
    return np.stack([mean, mean * [head.tail for head in heads]])


def _quantity(head: TreeHead | float, x: FloatArray) -> Array:
    return np.exp(raw_scores(head, x)) if isinstance(head, TreeHead) else np.full(len(x), float(head))


def _tasks(model: FittedModel, x: FloatArray) -> Array:
    if model.tasks is None:
        return np.empty((len(x), 0))
    logits = model.support.components.of(x) @ model.tasks.weight + model.tasks.bias
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float64)
