"""The graph gives what LightGBM and numpy give, in batches of any size."""

from __future__ import annotations

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from serving.decision.features import FEATURE_NAMES
from tests.support import tiny_models as tiny
from tests.support.graphs import TEXTS, Graph, assert_like_reference, run_nodes
from training.encoders.design_matrix import design_rows
from training.export import graph
from training.export.graph_builder import GraphBuilder
from training.export.tree_ensemble import pack_trees
from training.models.fitted_model import PiecewiseLinear, TreeHead
from training.types import Array


@pytest.mark.parametrize(("arms", "tasks"), [(2, True), (3, False)])
def test_agrees_with_lightgbm_and_numpy(arms: int, tasks: bool) -> None:
    model = tiny.model(arms, tasks=tasks)
    built = Graph(model, tiny.encoder())
    got = built.run(built.inputs(TEXTS))
    assert_like_reference(got, model, design_rows(tiny.encoder(), TEXTS))


def test_rows_do_not_depend_on_their_batch() -> None:
    built = Graph(tiny.model(2), tiny.encoder())
    batch = built.run(built.inputs(TEXTS))
    for place, request in enumerate(TEXTS):
        single = built.run(built.inputs((request,)))
        np.testing.assert_array_equal(single["design"][0], batch["design"][place])
        np.testing.assert_allclose(single["prediction"][0], batch["prediction"][place], rtol=1e-6, atol=1e-6)


curves = st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=12, unique=True).flatmap(
    lambda knots: st.tuples(
        st.just(np.sort(np.asarray(knots, dtype=np.float64))),
        st.lists(st.floats(-2, 2), min_size=len(knots), max_size=len(knots)),
    )
)


@settings(max_examples=40, deadline=None)
@given(st.lists(curves, min_size=1, max_size=4))
def test_maps_are_interpolation(drawn: list[tuple[Array, list[float]]]) -> None:
    kept = [(knots, values) for knots, values in drawn if len(knots) == 1 or np.diff(knots).min() > 1e-6]
    maps = [PiecewiseLinear(knots, np.asarray(values)) for knots, values in kept]
    if not maps:
        return
    x = np.unique(np.concatenate([np.linspace(-6, 6, 41), *(curve.knots for curve in maps)]))[:, None]
    nodes = GraphBuilder()
    output = graph._maps(nodes, "x", 1, [(0, curve) for curve in maps])
    got = run_nodes(nodes, {"x": x}, output)
    np.testing.assert_allclose(got, np.stack([curve(x[:, 0]) for curve in maps], axis=1), rtol=0, atol=1e-8)


@settings(max_examples=60, deadline=None)
@given(curves)
def test_bounded_maps_are_clipped_interpolation(drawn: tuple[Array, list[float]]) -> None:
    curve = PiecewiseLinear(drawn[0], np.asarray(drawn[1]))
    bounded = graph._bounded(curve, -0.5, 0.75)
    x = np.unique(np.concatenate([np.linspace(-6, 6, 301), curve.knots]))
    assert (np.diff(bounded.knots) > 0).all()
    assert bounded.values.min() >= -0.5
    assert bounded.values.max() <= 0.75
    if len(curve.knots) == 1 or np.diff(curve.knots).min() > 1e-3:
        np.testing.assert_allclose(bounded(x), np.clip(curve(x), -0.5, 0.75), rtol=0, atol=1e-9)


def test_a_model_without_any_tree() -> None:
    """All successes equal: every booster is one leaf."""
    model = tiny.model(2)
    flat = lgb.train({"verbose": -1, "num_threads": 1}, lgb.Dataset(np.eye(30), np.full(30, 0.25)), 3)
    leaf = TreeHead((flat,), (2.0,), 0.1)
    plain = replace(
        model,
        success=tuple(replace(head, score=leaf, feature_only=None) for head in model.success),
        uplift=tuple(replace(head, direct=None) for head in model.uplift),
        output_tokens=tuple(replace(head, mean=100.0, tail=1.5) for head in model.output_tokens),
    )
    built = Graph(plain, tiny.encoder())
    got = built.run(built.inputs(TEXTS))
    wanted = 0.1 + 2.0 * float(flat.predict(np.eye(30)[:1])[0])
    np.testing.assert_allclose(pack_trees([leaf]).score(np.eye(30)[:1], 1), [[wanted]])
    np.testing.assert_allclose(got["output_tokens_mean"], 100.0, rtol=1e-6)
    np.testing.assert_allclose(got["output_tokens_p95"], 150.0, rtol=1e-6)
    assert np.ptp(got["success"], axis=0).max() == 0


def test_is_one_self_contained_file_of_plain_operators() -> None:
    built = graph.build_graph(tiny.model(2), tiny.encoder(), len(FEATURE_NAMES))
    assert {entry.domain: entry.version for entry in built.opset_import} == {"": 17, "ai.onnx.ml": 5}
    assert [node.op_type for node in built.graph.node].count("TreeEnsemble") == 1
    onnx.checker.check_model(built, full_check=True)
    tables = [tensor for tensor in built.graph.initializer if tensor.data_type == TensorProto.INT16]
    assert [list(table.dims) for table in tables] == [list(tiny.encoder().table.shape)]
