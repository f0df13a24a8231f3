"""Fitted model: the heads of one model as plain values, which `training.export` turns into one ONNX graph.

`training.export.reference` gives their semantics in numpy, float64; the graph agrees with it to 1e-5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import lightgbm as lgb
import numpy as np

from serving.decision import FloatArray
from training.types import Array


@dataclass(frozen=True, slots=True)
class PiecewiseLinear:
    """A continuous function of one number: linear between knots, constant outside them.

    Parameters
    ----------
    knots
        float64 (m,), strictly increasing, m >= 1.
    values
        float64 (m,).
    """

    knots: Array
    values: Array

    def __call__(self, x: Array) -> Array:
        """Evaluate at `x`, any shape."""
        return np.interp(x, self.knots, self.values)


@dataclass(frozen=True, slots=True)
class TreeHead:
    """A score: offset + sum of weight x raw output of a booster over the design row.

    The design row is [embedding of the last user turn (D), embedding of the rest (D), features (F)].

    Parameters
    ----------
    tails
        One per booster: values of the columns that it reads beyond the design row, constant for this head (an S
        learner's arm); () is no booster with such columns.
    """

    boosters: tuple[lgb.Booster, ...]
    weights: tuple[float, ...]
    offset: float = 0.0
    tails: tuple[tuple[float, ...], ...] = ()

    @property
    def parts(self) -> tuple[tuple[lgb.Booster, float, tuple[float, ...]], ...]:
        """Booster, weight and tail side by side."""
        tails = self.tails or ((),) * len(self.boosters)
        return tuple(zip(self.boosters, self.weights, tails, strict=True))


@dataclass(frozen=True, slots=True)
class SuccessHead:
    """P(success | arm): p = support x sigmoid(score) + (1 - support) x sigmoid(feature_only), then calibration.

    Parameters
    ----------
    feature_only
        Score from complexity features alone, which generalise to unseen kinds of requests; None uses `score`
        everywhere. All arms have one, or none has.
    """

    score: TreeHead
    calibration: PiecewiseLinear
    feature_only: TreeHead | None = None


@dataclass(frozen=True, slots=True)
class UpliftHead:
    """Uplift of one arm over the baseline.

    raw = success_weight x (p(arm) - p(baseline)) + direct score (0 without one), which is multiplied by support where
    success heads have feature-only scores;
    uplift = calibration(raw); interval = uplift - below(raw) x w, uplift + above(raw) x w,
    with w = 1 + widening x (1 - support), clipped to [-1, 1].
    """

    success_weight: float
    direct: TreeHead | None
    calibration: PiecewiseLinear
    below: PiecewiseLinear
    above: PiecewiseLinear


@dataclass(frozen=True, slots=True)
class QuantityHead:
    """Tokens or milliseconds of one arm: mean = exp(score), or the arm's default; p95 = mean x tail.

    Parameters
    ----------
    mean
        The score, with the retransformation in its offset, or a constant.
    tail
        p95 over mean, at least 1.
    """

    mean: TreeHead | float
    tail: float
    source: Literal["history", "defaults"]


@dataclass(frozen=True, slots=True)
class Components:
    """Principal components of the standardised design row: a low-dimensional description of the kind of request.

    Parameters
    ----------
    mean, scale
        float64 (P,) over the design row: z = (x - mean) * scale; the scale of a constant column is 0.
    axes
        float64 (P, R), orthonormal columns.
    """

    mean: Array
    scale: Array
    axes: Array

    def of(self, x: FloatArray) -> Array:
        """Project design rows: float64 (n, R)."""
        return np.asarray(self._standardised(x) @ self.axes, np.float64)

    def residual(self, x: FloatArray) -> Array:
        """Squared length of what the components leave of the standardised design rows: float64 (n,).

        Requests of another kind than the training prompts vary in directions in which those do not, so that the
        components show nothing of it.
        """
        z = self._standardised(x)
        return np.asarray((z**2).sum(axis=1) - ((z @ self.axes) ** 2).sum(axis=1), np.float64)

    def _standardised(self, x: FloatArray) -> Array:
        return np.asarray((np.asarray(x, np.float64) - self.mean) * self.scale, np.float64)


@dataclass(frozen=True, slots=True)
class SupportHead:
    """How well training data covers a request.

    c = components of the design row, c / ||c||; similarity = max over centroids of c @ centroid;
    support = map(similarity) x typicality(residual of the design row).

    Parameters
    ----------
    centroids
        float64 (C, R), unit rows.
    map
        similarity -> support in [0, 1], non-decreasing.
    typicality
        residual -> factor in [0, 1], non-increasing; 1 for most training prompts.
    """

    components: Components
    centroids: Array
    map: PiecewiseLinear
    typicality: PiecewiseLinear


@dataclass(frozen=True, slots=True)
class TaskHead:
    """P(task type): softmax(z @ weight + bias) over the components z of the support head; float64 (R, T) and (T,)."""

    names: tuple[str, ...]
    weight: Array
    bias: Array


@dataclass(frozen=True, slots=True)
class FittedModel:
    """All heads of one model; K arms, the first is the baseline."""

    success: tuple[SuccessHead, ...]
    uplift: tuple[UpliftHead, ...]
    output_tokens: tuple[QuantityHead, ...]
    latency_ms: tuple[QuantityHead, ...]
    support: SupportHead
    widening: float
    tasks: TaskHead | None
    notes: dict[str, str | float] = field(default_factory=dict)

    @property
    def feature_only(self) -> tuple[TreeHead, ...]:
        """Feature-only scores of success, used where support is 0; one per arm or none at all."""
        return tuple(head.feature_only for head in self.success if head.feature_only is not None)
