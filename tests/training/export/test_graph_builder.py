"""The graph builder: names never clash, nodes compute what they say."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from tests.support.graphs import run_nodes
from training.export.graph_builder import GraphBuilder


def test_names_of_nodes_and_constants_are_unique() -> None:
    nodes = GraphBuilder()
    names = (
        [nodes.add("Add", "x", nodes.constant([1.0])) for _ in range(3)]
        + nodes.split("x", (1, 1))
        + nodes.split("x", (1, 1))
    )
    names += [tensor.name for tensor in nodes.constants]
    assert len(set(names)) == len(names)


def test_split_cuts_columns_and_skips_empty_ones() -> None:
    nodes = GraphBuilder()
    first, _, last = nodes.split("x", (2, 0, 1))
    x = np.arange(6.0).reshape(2, 3)
    assert run_nodes(nodes, {"x": x}, first).tolist() == [[0, 1], [3, 4]]
    assert run_nodes(nodes, {"x": x}, last).tolist() == [[2], [5]]


def test_constants_keep_their_dtype_and_outputs_their_name() -> None:
    nodes = GraphBuilder()
    nodes.constant([1, 2], np.int16)
    nodes.whole(7)
    nodes.constant(0.5)
    kinds = [tensor.data_type for tensor in nodes.constants]
    assert kinds == [TensorProto.INT16, TensorProto.INT64, TensorProto.DOUBLE]
    assert nodes.add("Mul", "x", nodes.constant([[3.0]]), output="tripled") == "tripled"
    assert run_nodes(nodes, {"x": np.ones((1, 2))}, "tripled").tolist() == [[3.0, 3.0]]
