"""The encoder part of a graph, in both tiers."""

from __future__ import annotations

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest
from onnx import TensorProto, helper

from serving.decision.features import FEATURE_NAMES
from serving.decision.features.model_inputs import EncoderLimits
from tests.support import tiny_models as tiny
from tests.support.graphs import TEXTS, Graph, assert_like_reference
from training.encoders.design_matrix import design_rows
from training.encoders.transformer import TransformerEncoder
from training.errors import TrainingError
from training.export import graph
from training.export.encoder_graph import OPSET, add_encoder
from training.export.graph_builder import GraphBuilder
from training.models.fitted_model import Components, FittedModel, TreeHead


def transformer(opset: int = OPSET) -> TransformerEncoder:
    """Give a stand-in with the inputs and output of a transformer: sines of token ids, masked and summed."""
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
        support=replace(
            model.support,
            components=Components(np.zeros(width), np.ones(width), np.eye(width)[:, :4]),
            centroids=np.eye(4)[:3],
        ),
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


def test_the_static_encoder_is_exact_and_stored_as_whole_steps() -> None:
    built = Graph(tiny.model(2), tiny.encoder())
    got = built.run(built.inputs(TEXTS))["design"]
    assert np.array_equal(got, design_rows(tiny.encoder(), TEXTS))
    nodes = GraphBuilder()
    add_encoder(nodes, tiny.encoder())
    tables = [tensor for tensor in nodes.constants if tensor.data_type == TensorProto.INT16]
    assert [list(table.dims) for table in tables] == [list(tiny.encoder().table.shape)]
