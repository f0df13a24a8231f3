"""The reference: what the heads of a fitted model mean, in numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.support import tiny_models as tiny
from training.export.reference import predict
from training.models.boosting import raw_scores
from training.models.fitted_model import PiecewiseLinear


def rows(n: int = 40) -> np.ndarray:
    return tiny.rows()[:n]


def test_predictions_are_bounded_and_ordered() -> None:
    found = predict(tiny.model(2), rows())
    assert ((found.success >= 0) & (found.success <= 1)).all()
    assert (found.uplift_lower <= found.uplift).all()
    assert (found.uplift <= found.uplift_upper).all()
    assert (found.output_tokens_p95 >= found.output_tokens_mean).all()
    np.testing.assert_allclose(found.task_probabilities.sum(axis=1), 1)


def test_uplift_mixes_success_and_direct_scores_by_weight_and_support() -> None:
    model = tiny.model(2)
    identity = PiecewiseLinear(np.array([-2.0, 2.0]), np.array([-2.0, 2.0]))
    plain = replace(
        model,
        success=tuple(replace(head, calibration=identity, feature_only=None) for head in model.success),
        uplift=(replace(model.uplift[0], calibration=identity),),
    )
    found = predict(plain, rows())
    direct = model.uplift[0].direct
    assert direct is not None
    wanted = 0.5 * (found.success[:, 1] - found.success[:, 0]) + raw_scores(direct, rows())
    np.testing.assert_allclose(found.uplift[:, 0], np.clip(wanted, -1, 1))


def test_without_support_success_is_that_of_the_feature_only_heads() -> None:
    model = tiny.model(2)
    unsupported = replace(model.support, map=PiecewiseLinear(np.zeros(1), np.zeros(1)))
    swapped = tuple(replace(head, score=tiny.head(99)) for head in model.success)
    found = predict(replace(model, support=unsupported), rows())
    assert np.array_equal(found.success, predict(replace(model, support=unsupported, success=swapped), rows()).success)
    assert not np.array_equal(predict(model, rows()).success, found.success)


def test_low_support_widens_the_interval() -> None:
    model = tiny.model(2)
    typical = replace(model.support, typicality=PiecewiseLinear(np.zeros(1), np.ones(1)))
    full, none = (replace(typical, map=PiecewiseLinear(np.zeros(1), np.full(1, level))) for level in (1.0, 0.0))
    plain = replace(model, success=tuple(replace(head, feature_only=None) for head in model.success))
    sure, unsure = (predict(replace(plain, support=head), rows()) for head in (full, none))
    np.testing.assert_array_equal(sure.uplift, unsure.uplift)
    inside = np.abs(unsure.uplift_upper) < 1
    reach = (unsure.uplift_upper - unsure.uplift)[inside] / (sure.uplift_upper - sure.uplift)[inside]
    np.testing.assert_allclose(reach, 1 + model.widening)


def test_a_model_without_task_labels_has_no_task_probabilities() -> None:
    assert predict(tiny.model(3, tasks=False), rows(5)).task_probabilities.shape == (5, 0)


def test_support_falls_with_the_typicality_of_the_residual() -> None:
    model = tiny.model(2)
    sure = replace(model.support, map=PiecewiseLinear(np.zeros(1), np.ones(1)))
    factor = model.support.typicality(model.support.components.residual(rows()))
    assert factor.max() > factor.min()
    np.testing.assert_allclose(predict(replace(model, support=sure), rows()).support, factor)
