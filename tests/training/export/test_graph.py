"""The graph gives what LightGBM and numpy give, in batches of any size, in both encoder tiers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from serving.decision.bundle.loader import OutputColumns, open_session
from serving.decision.features import FEATURE_NAMES
from serving.decision.features.model_inputs import EncoderLimits, encode_batch
from serving.decision.features.tokenizer import Tokenizer
from serving.decision.types import FloatArray, ModelInput, Request
from tests.support import tiny_models as tiny
from training.encoders.design_matrix import Encoder, design_rows
from training.encoders.quantization import quantize, quantized_values
from training.encoders.transformer import TransformerEncoder
from training.errors import TrainingError
from training.export import graph
from training.export.encoder_graph import OPSET
from training.export.graph_builder import GraphBuilder
from training.export.parity import max_difference
from training.export.reference import predict
from training.export.tree_ensemble import UnsupportedTrees, pack_trees
from training.models.fitted_model import Components, FittedModel, PiecewiseLinear, SupportHead, TreeHead
from training.types import Array

TEXTS = (
    *tiny.requests(40, seed=11),
    tiny.request(""),
    tiny.request("Grüße, 你好 🙂 " * 40),
    tiny.request("def f(x): " * 300),
)


class Graph:
    """A built graph that can be run."""

    def __init__(self, model: FittedModel, encoder: Encoder) -> None:
        built = graph.with_design_output(graph.build_graph(model, encoder, len(FEATURE_NAMES)))
        self._session = open_session(built.SerializeToString(), Path("nowhere"))
        self._columns = OutputColumns(len(model.success), len(model.tasks.names) if model.tasks else 0)
        assert json.loads(self._session.get_modelmeta().custom_metadata_map["columns"]) == self._columns.widths
        self._encoder = encoder
        self._tokenizer = Tokenizer.from_json(encoder.tokenizer_json)

    def inputs(self, requests: tuple[Request, ...]) -> ModelInput:
        return encode_batch(requests, self._tokenizer, self._encoder.limits)

    def run(self, inputs: ModelInput) -> dict[str, FloatArray]:
        feeds = {name: getattr(inputs, name) for name in ("token_ids", "token_weights", "features")}
        packed, rows = self._session.run(("prediction", "design"), feeds)
        return {"prediction": packed, "design": rows, **self._columns.cut(packed)}


def score(head: TreeHead, x: Array) -> Array:
    total = np.full(len(x), head.offset)
    for booster, weight in zip(head.boosters, head.weights, strict=True):
        total += weight * np.asarray(booster.predict(x, raw_score=True))
    return total


def assert_like_reference(got: dict[str, FloatArray], model: FittedModel, rows: FloatArray) -> None:
    wanted = predict(model, rows)
    assert max_difference(got, wanted).max() <= 1e-6
    assert all(got[name].shape[1] == getattr(wanted, name).shape[1] for name in got if name.startswith("uplift"))


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


def run_nodes(nodes: GraphBuilder, feeds: dict[str, FloatArray], output: str) -> Array:
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), list(value.shape))
        for name, value in feeds.items()
    ]
    outputs = [helper.make_tensor_value_info(output, TensorProto.DOUBLE, ["a", "b"])]
    made = helper.make_graph(nodes.nodes, "part", inputs, outputs, nodes.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", graph.TREES_OPSET)]
    content = helper.make_model(made, opset_imports=opsets, ir_version=graph.IR_VERSION).SerializeToString()
    got: Array = open_session(content, Path("nowhere")).run(None, feeds)[0]
    return got


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


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 2048), st.floats(1e-6, 1e4))
def test_sums_on_the_grid_do_not_depend_on_their_order(seed: int, tokens: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    table = (rng.normal(size=(tokens, 3)) * size).astype(np.float32)
    grid = quantize(table, tokens)
    snapped = quantized_values(table, tokens)
    np.testing.assert_array_equal(quantized_values(snapped, tokens), snapped)
    assert np.abs(snapped - table).max() <= grid.step
    totals = [np.cumsum(snapped[rng.permutation(tokens)], axis=0, dtype=np.float32)[-1] for _ in range(3)]
    np.testing.assert_array_equal(totals[0], totals[1])
    np.testing.assert_array_equal(totals[0], totals[2])


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


def transformer(opset: int = OPSET) -> TransformerEncoder:
    """A stand-in with a transformer's face: cosines of ids and places, masked, averaged over the whole row."""
    add = GraphBuilder()
    angles = add.add("Cast", "token_ids", to=TensorProto.FLOAT)
    wave = add.add(
        "Sin", add.add("Mul", add.add("Unsqueeze", angles, add.whole(2)), add.constant([[[0.1, 0.7, 2.3]]], np.float32))
    )
    masked = add.add("Mul", wave, add.add("Unsqueeze", "mask", add.whole(2)))
    add.add("ReduceSum", masked, add.whole(1), output="embedding", keepdims=0)
    inputs = [
        helper.make_tensor_value_info("token_ids", TensorProto.INT64, ["n", "L"]),
        helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", "L"]),
    ]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3])]
    made = helper.make_model(
        helper.make_graph(add.nodes, "encoder", inputs, outputs, add.constants),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
    )
    limits = EncoderLimits(max_chars=200, max_tokens=32, special_tokens=True)
    return TransformerEncoder("stand-in", tiny.tokenizer_json(), made.SerializeToString(), 3, limits, "stand-in")


def narrow(model: FittedModel, dims: int) -> FittedModel:
    """Fit the same heads on design rows of a narrower encoder: boosters of feature columns and few dimensions."""
    width = 2 * dims + len(FEATURE_NAMES)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, width))
    booster = lgb.train({"verbose": -1, "num_leaves": 5, "num_threads": 1}, lgb.Dataset(x, x[:, 0] + x[:, dims]), 5)
    head = TreeHead((booster,), (1.0,))
    return replace(
        model,
        success=tuple(replace(one, score=head, feature_only=head) for one in model.success),
        uplift=tuple(replace(one, direct=None) for one in model.uplift),
        output_tokens=model.latency_ms,
        support=SupportHead(Components(np.zeros(width), np.eye(width)[:, :4]), np.eye(4)[:3], model.support.map),
        tasks=None,
    )


def test_transformer_tier_runs_only_parts_with_tokens() -> None:
    encoder = transformer()
    model = narrow(tiny.model(2), encoder.dims)
    built = Graph(model, encoder)
    for requests in (TEXTS, TEXTS[:1], TEXTS[1:2], (tiny.request(""),), (tiny.request(""), *TEXTS[:2])):
        got = built.run(built.inputs(requests))
        np.testing.assert_allclose(got["design"], design_rows(encoder, requests), rtol=1e-5, atol=1e-5)
        assert_like_reference(got, model, got["design"])


def test_refuses_an_encoder_of_another_opset() -> None:
    encoder = transformer(opset=18)
    with pytest.raises(TrainingError, match="opset"):
        graph.build_graph(narrow(tiny.model(2), 3), encoder, len(FEATURE_NAMES))


def test_is_one_self_contained_file_of_plain_operators() -> None:
    built = graph.build_graph(tiny.model(2), tiny.encoder(), len(FEATURE_NAMES))
    assert {entry.domain: entry.version for entry in built.opset_import} == {"": 17, "ai.onnx.ml": 5}
    assert [node.op_type for node in built.graph.node].count("TreeEnsemble") == 1
    onnx.checker.check_model(built, full_check=True)
    tables = [tensor for tensor in built.graph.initializer if tensor.data_type == TensorProto.INT16]
    assert [list(table.dims) for table in tables] == [list(tiny.encoder().table.shape)]
