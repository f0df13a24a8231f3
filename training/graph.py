"""Builds the one ONNX graph of a bundle: token ids and features in, everything the kernel needs to decide out.

The embedding is exact (`training.grid`), and trees and maps work in float64, so the graph gives what LightGBM and
numpy give, on any processor and in batches of any size; only the outputs are float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from serving.decision.bundle import PACKED, Columns
from training.encoder import Encoder
from training.encoder_graph import OPSET, embed
from training.model import Array, FittedModel, PiecewiseLinear, SupportHead, TaskHead, TreeHead
from training.nodes import DOUBLE, FLOAT, TREES_DOMAIN, Nodes
from training.trees import pack

TREES_OPSET: Final = 5
"""The first with TreeEnsemble, which takes and gives float64."""

IR_VERSION: Final = 10
DESIGN: Final = "design"
"""Name of the design row inside the graph."""

_LEAST_QUANTITY: Final = 1e-9


def build(model: FittedModel, encoder: Encoder, features: int) -> onnx.ModelProto:
    """Build the graph.

    Parameters
    ----------
    model
        K arms; fitted on design rows of width 2 D + F.
    encoder
        Becomes the first part of the graph.
    features
        F.

    Returns
    -------
    onnx.ModelProto
        Inputs `token_ids`, `token_weights`, `features`; one output per field of `serving.decision.types.Prediction`,
        and all of them side by side as `prediction`.

    Raises
    ------
    TrainingError
        If the model has parts that a graph can't express.
    """
    nodes = Nodes()
    embedding = embed(nodes, encoder)
    design = nodes.add("Concat", embedding, "features", output=DESIGN, axis=1)
    columns = Columns(len(model.success), len(model.tasks.names) if model.tasks else 0)
    _heads(nodes, model, nodes.add("Cast", design, to=DOUBLE), columns)
    inputs = (
        helper.make_tensor_value_info("token_ids", TensorProto.INT64, ["n", "L"]),
        helper.make_tensor_value_info("token_weights", TensorProto.FLOAT, ["n", 2, "L"]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", features]),
    )
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width]) for name, width in columns.widths.items()
    ]
    outputs.append(helper.make_tensor_value_info(PACKED, TensorProto.FLOAT, ["n", columns.width]))
    graph = helper.make_graph(nodes.nodes, "thinkgate", inputs, outputs, nodes.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(TREES_DOMAIN, TREES_OPSET)]
    built = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="thinkgate")
    onnx.checker.check_model(built)
    return built


def with_design(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Give a copy that puts out the design rows too, to compare the heads on the very rows they see."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    copy.graph.output.append(helper.make_tensor_value_info(DESIGN, TensorProto.FLOAT, ["n", "P"]))
    return copy


def _heads(nodes: Nodes, model: FittedModel, design: str, columns: Columns) -> None:
    k = columns.arms
    scores = _scores(nodes, model, design)
    success, direct, means, p95s = nodes.split(scores, (k, k - 1, 2 * k, 2 * k))
    raw_success = nodes.add("Sigmoid", success)
    contrast = np.zeros((k, k - 1))
    for arm, head in enumerate(model.uplift):
        contrast[arm + 1, arm], contrast[0, arm] = head.success_weight, -head.success_weight
    raw_uplift = nodes.add("Gemm", raw_success, nodes.constant(contrast), direct)
    curves = [(arm, head.calibration) for arm, head in enumerate(model.success)]
    calibrated = _clip(nodes, _maps(nodes, raw_success, k, curves), 0.0, 1.0)
    kinds = ("calibration", "below", "above")
    bands = [(arm, getattr(head, kind)) for kind in kinds for arm, head in enumerate(model.uplift)]
    uplift, below, above = nodes.split(_maps(nodes, raw_uplift, k - 1, bands), (k - 1,) * 3)
    support = _support(nodes, model.support, design)
    # w = (1 + widening) - widening x support
    narrowing = nodes.add("Mul", support, nodes.constant(-model.widening))
    width = nodes.add("Add", narrowing, nodes.constant(1.0 + model.widening))
    lower = nodes.add("Sub", uplift, nodes.add("Mul", below, width))
    upper = nodes.add("Add", uplift, nodes.add("Mul", above, width))
    bounds = [_clip(nodes, edge, -1.0, 1.0) for edge in (uplift, lower, upper)]
    mean = nodes.add("Exp", means)
    p95 = nodes.add("Max", mean, nodes.add("Exp", p95s))
    tokens, latency = nodes.split(mean, (k, k))
    tokens_p95, latency_p95 = nodes.split(p95, (k, k))
    parts = [calibrated, *bounds, tokens, tokens_p95, latency, latency_p95, support]
    if model.tasks:
        parts.append(_tasks(nodes, model.tasks, design))
    packed = nodes.add("Cast", nodes.add("Concat", *parts, axis=1), output=PACKED, to=FLOAT)
    nodes.split(packed, tuple(columns.widths.values()), tuple(columns.widths))


def _scores(nodes: Nodes, model: FittedModel, design: str) -> str:
    """All tree heads in one node: success K, direct uplift K - 1, means 2 K, p95s 2 K."""
    heads = [head.score for head in model.success]
    heads += [head.direct or TreeHead((), ()) for head in model.uplift]
    quantities = (*model.output_tokens, *model.latency_ms)
    heads += [_quantity(head.mean) for head in quantities] + [_quantity(head.p95) for head in quantities]
    forest = pack(heads)
    if not forest.roots:  # TreeEnsemble wants a tree
        forest.roots.append(0)
        for column in (forest.features, forest.yes, forest.no, forest.leaf_heads):
            column.append(0)
        forest.thresholds.append(0.0)
        forest.yes_leaf.append(1)
        forest.no_leaf.append(1)
        forest.leaf_values.append(0.0)
    sums = nodes.add(
        "TreeEnsemble",
        design,
        domain=TREES_DOMAIN,
        n_targets=len(heads),
        aggregate_function=1,  # sum
        post_transform=0,
        tree_roots=forest.roots,
        nodes_featureids=forest.features,
        nodes_splits=numpy_helper.from_array(np.asarray(forest.thresholds, np.float64), "splits"),
        nodes_modes=numpy_helper.from_array(np.zeros(len(forest.features), np.uint8), "modes"),  # <=
        nodes_truenodeids=forest.yes,
        nodes_trueleafs=forest.yes_leaf,
        nodes_falsenodeids=forest.no,
        nodes_falseleafs=forest.no_leaf,
        leaf_targetids=forest.leaf_heads,
        leaf_weights=numpy_helper.from_array(np.asarray(forest.leaf_values, np.float64), "leaves"),
    )
    return nodes.add("Add", sums, nodes.constant(forest.offsets))


def _quantity(part: TreeHead | float) -> TreeHead:
    """Make a constant a head without trees: exp undoes the log."""
    return part if isinstance(part, TreeHead) else TreeHead((), (), float(np.log(max(part, _LEAST_QUANTITY))))


def _maps(nodes: Nodes, x: str, width: int, maps: Sequence[tuple[int, PiecewiseLinear]]) -> str:
    """Evaluate piecewise-linear maps, each of one column of x (n, width), as (n, number of maps).

    A map is its first value plus, for each segment, the segment's rise x clip(share of the segment passed, 0, 1). All
    segments of all maps are one Gemm, one Clip and one Gemm; no term is larger than a rise, so nothing cancels.
    """
    total = sum(max(len(curve.knots) - 1, 1) for _, curve in maps)
    slopes, shifts = np.zeros((width, total)), np.zeros(total)
    rises, first = np.zeros((total, len(maps))), np.zeros(len(maps))
    start = 0
    for place, (column, curve) in enumerate(maps):
        lengths = np.diff(curve.knots)
        segments = slice(start, start + len(lengths))
        slopes[column, segments] = 1.0 / lengths
        shifts[segments] = -curve.knots[:-1] / lengths
        rises[segments, place] = np.diff(curve.values)
        first[place] = curve.values[0]
        start += max(len(lengths), 1)
    shares = nodes.add("Gemm", x, nodes.constant(slopes), nodes.constant(shifts))
    passed = _clip(nodes, shares, 0.0, 1.0)
    return nodes.add("Gemm", passed, nodes.constant(rises), nodes.constant(first))


def _clip(nodes: Nodes, value: str, low: float, high: float) -> str:
    return nodes.add("Clip", value, nodes.constant(low), nodes.constant(high))


def _support(nodes: Nodes, head: SupportHead, design: str) -> str:
    """Cosine to the nearest centroid; the many products in float32, where a constant factor is five times faster."""
    kept = np.flatnonzero(head.scale)
    x = design if len(kept) == len(head.scale) else nodes.add("Gather", design, nodes.whole(*kept), axis=1)
    centred = nodes.add("Sub", x, nodes.constant(head.mean[kept]))
    z = nodes.add("Mul", centred, nodes.constant(head.scale[kept]))
    length = nodes.add("Max", nodes.add("ReduceL2", z, axes=[1], keepdims=1), nodes.constant(1e-12))
    unit = nodes.add("Cast", nodes.add("Div", z, length), to=FLOAT)
    products = nodes.add("MatMul", unit, nodes.constant(head.centroids[:, kept].T, np.float32))
    nearest = nodes.add("Cast", nodes.add("ReduceMax", products, axes=[1], keepdims=1), to=DOUBLE)
    return _clip(nodes, _maps(nodes, nearest, 1, [(0, head.map)]), 0.0, 1.0)


def _tasks(nodes: Nodes, head: TaskHead, design: str) -> str:
    weight: Array = head.weight
    logits = nodes.add("Gemm", design, nodes.constant(weight), nodes.constant(head.bias))
    return nodes.add("Softmax", logits, axis=1)
