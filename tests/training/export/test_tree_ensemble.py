"""Packed trees: LightGBM's own scores, to the threshold, and a refusal of trees the graph lacks."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest
from onnx import TensorProto

from tests.support import tiny_models as tiny
from tests.support.graphs import run_nodes
from training.export import graph
from training.export.graph_builder import GraphBuilder
from training.export.tree_ensemble import UnsupportedTrees, pack_trees
from training.models.fitted_model import TreeHead
from training.types import Array


def score(head: TreeHead, x: Array) -> Array:
    total = np.full(len(x), head.offset)
    for booster, weight in zip(head.boosters, head.weights, strict=True):
        total += weight * np.asarray(booster.predict(x, raw_score=True))
    return total


def test_thresholds_are_met_exactly() -> None:
    """Rows that lie on a split, and one step of float32 beside it, take LightGBM's side."""
    model = tiny.model(2)
    heads = [head.score for head in model.success]
    forest = pack_trees(heads)
    x = np.repeat(tiny.rows()[:1], 3 * len(forest.thresholds), axis=0)
    for k, (column, threshold) in enumerate(zip(forest.features, forest.thresholds, strict=True)):
        edge = np.float32(threshold if abs(threshold) > 1e-30 else 0.0)  # LightGBM reads smaller numbers as zero
        x[3 * k : 3 * k + 3, column] = (np.nextafter(edge, np.float32(-9)), edge, np.nextafter(edge, np.float32(9)))
    wanted = np.stack([score(head, x.astype(np.float64)) for head in heads], axis=1)
    np.testing.assert_allclose(forest.score(x.astype(np.float64), len(heads)), wanted, rtol=0, atol=1e-12)
    nodes = GraphBuilder()
    graph._trees(nodes, model, nodes.add("Cast", "x", to=TensorProto.DOUBLE))
    got = run_nodes(nodes, {"x": x}, nodes.nodes[-1].output[0])
    np.testing.assert_allclose(got[:, :2], wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, "categories"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}, "forest"),
        ({"linear_tree": True}, "linear"),
        ({"zero_as_missing": True}, "zeros"),
        ({"objective": "multiclass", "num_class": 3}, "classes"),
    ],
)
def test_refuses_trees_that_the_graph_lacks(parameters: dict[str, object], named: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, size=(200, 2)).astype(np.float64)
    y = (x[:, 0] * 7 % 3).astype(np.float64)
    chosen = {"verbose": -1, "num_threads": 1, "min_data_per_group": 1, "cat_smooth": 0} | parameters
    categories = [0] if named == "categories" else "auto"
    booster = lgb.train(chosen, lgb.Dataset(x, y, categorical_feature=categories), 3)
    with pytest.raises(UnsupportedTrees, match=named):
        pack_trees([TreeHead((booster,), (1.0,))])


def test_constant_columns_are_decided_and_dropped() -> None:
    """A booster that reads the arm in its last column becomes one forest per arm over the design row alone."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 4))
    booster = lgb.train({"verbose": -1, "num_threads": 1}, lgb.Dataset(x, x[:, 0] * (x[:, 3] > 0)), 10)
    for arm in (-1.0, 1.0):
        forest = pack_trees([TreeHead((booster,), (1.0,), tails=((arm,),))])
        assert max(forest.features) < 3
        wanted = booster.predict(np.column_stack([x[:20, :3], np.full(20, arm)]), raw_score=True)
        np.testing.assert_allclose(forest.score(x[:20, :3], 1)[:, 0], wanted, atol=1e-12)


def test_weights_and_offsets_are_folded_into_leaves() -> None:
    booster, x = tiny.booster(1), tiny.rows()[:20].astype(np.float64)
    wanted = 0.7 - 2.0 * np.asarray(booster.predict(x, raw_score=True))
    found = pack_trees([TreeHead((), (), 0.3), TreeHead((booster,), (-2.0,), 0.7)]).score(x, 2)
    np.testing.assert_allclose(found, np.column_stack([np.full(20, 0.3), wanted]), atol=1e-12)
