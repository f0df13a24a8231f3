"""Builds and runs ONNX graphs of tiny models, and compares them with the reference."""

from __future__ import annotations

import json
from pathlib import Path

from onnx import TensorProto, helper

from serving.decision.bundle.loader import OutputColumns, open_session
from serving.decision.features import FEATURE_NAMES
from serving.decision.features.model_inputs import encode_batch
from serving.decision.features.tokenizer import Tokenizer
from serving.decision.types import FloatArray, ModelInput, Request
from tests.support import tiny_models as tiny
from training.encoders.design_matrix import Encoder
from training.export import graph
from training.export.encoder_graph import OPSET
from training.export.graph_builder import GraphBuilder
from training.export.parity import max_difference
from training.export.reference import predict
from training.models.fitted_model import FittedModel
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
        return {"prediction": packed, "design": rows, **self._columns.split(packed)}


def assert_like_reference(got: dict[str, FloatArray], model: FittedModel, rows: FloatArray) -> None:
    wanted = predict(model, rows)
    assert max_difference(got, wanted).max() <= 1e-6
    assert all(got[name].shape[1] == getattr(wanted, name).shape[1] for name in got if name.startswith("uplift"))


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
