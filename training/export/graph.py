"""Builds the one ONNX graph of a bundle: token ids and features in, everything the kernel needs to decide out.

The embedding is exact (`training.encoders.quantization`), and trees and maps work in float64, so the graph gives what
LightGBM and numpy give, on any processor and in batches of any size; only the outputs are float32.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from serving.decision.bundle import PACKED, OutputColumns
from training.encoders import Encoder
from training.export.encoder_graph import OPSET, add_encoder
from training.export.graph_builder import DOUBLE, FLOAT, TREES_DOMAIN, GraphBuilder
from training.export.tree_ensemble import Forest, pack_trees
from training.models import Components, FittedModel, PiecewiseLinear, SupportHead, TaskHead, TreeHead
from training.types import Array

TREES_OPSET: Final = 5
"""The first with TreeEnsemble, which takes and gives float64."""

IR_VERSION: Final = 10
COLUMNS: Final = "columns"
"""Metadata entry: JSON object of the output's columns, name to width."""

DESIGN: Final = "design"
"""Name of the design row inside the graph."""

_LEAST_QUANTITY: Final = 1e-9


def build_graph(model: FittedModel, encoder: Encoder, features: int) -> onnx.ModelProto:
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
        Inputs `token_ids`, `token_weights`, `features`; output `prediction`: the fields of
        `serving.decision.types.Prediction` side by side, for cutting them apart would cost every run a tenth of the
        operators after the trees. The metadata entry `columns` gives their names and widths in order.

    Raises
    ------
    TrainingError
        If the model has parts that a graph can't express.
    """
    nodes = GraphBuilder()
    embedding = add_encoder(nodes, encoder)
    design = nodes.add("Concat", embedding, "features", output=DESIGN, axis=1)
    columns = OutputColumns(len(model.success), len(model.tasks.names) if model.tasks else 0)
    _heads(nodes, model, design, columns)
    inputs = (
        helper.make_tensor_value_info("token_ids", TensorProto.INT64, ["n", "L"]),
        helper.make_tensor_value_info("token_weights", TensorProto.FLOAT, ["n", 2, "L"]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", features]),
    )
    outputs = [helper.make_tensor_value_info(PACKED, TensorProto.FLOAT, ["n", columns.width])]
    graph = helper.make_graph(nodes.nodes, "thinkgate", inputs, outputs, nodes.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(TREES_DOMAIN, TREES_OPSET)]
    built = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="thinkgate")
    helper.set_model_props(built, {COLUMNS: json.dumps(columns.widths)})
    onnx.checker.check_model(built)
    return built


def with_design_output(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Give a copy that puts out the design rows too, to compare the heads on the very rows they see."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    copy.graph.output.append(helper.make_tensor_value_info(DESIGN, TensorProto.FLOAT, ["n", "P"]))
    return copy


def _heads(nodes: GraphBuilder, model: FittedModel, design: str, columns: OutputColumns) -> None:
    """Add all that follows the design row; few nodes, for each costs as much as a dozen trees."""
    k = columns.arms
    # Trees want float64; one row costs less to cast than the rest of the graph would to be doubled.
    doubled = nodes.add("Cast", design, to=DOUBLE)
    scores = _trees(nodes, model, doubled)
    chances = k + len(model.feature_only)
    success, direct, consumption = nodes.split(scores, (chances, k - 1, 2 * k))
    chance = nodes.add("Sigmoid", success)
    standardised, components = _components(nodes, model.support.components, doubled)
    supported = _support(nodes, model.support, standardised, components)
    widening = nodes.constant(np.array([[-model.widening]])), nodes.constant(np.array([1.0 + model.widening]))
    widened = nodes.add("Gemm", supported, *widening)
    if model.feature_only:
        full, feature_only = nodes.split(chance, (k, k))
        chance = nodes.add("Add", feature_only, nodes.add("Mul", supported, nodes.add("Sub", full, feature_only)))
        direct = nodes.add("Mul", supported, direct)
    raw = nodes.add("Gemm", chance, nodes.constant(_contrast(model)), direct)
    calibrated = _calibrated(nodes, model, nodes.add("Concat", chance, raw, axis=1), widened)
    parts = [calibrated, _consumption(nodes, model, consumption), supported]
    if model.tasks:
        parts.append(_tasks(nodes, model.tasks, components))
    nodes.add("Cast", nodes.add("Concat", *parts, axis=1), output=PACKED, to=FLOAT)


def _consumption(nodes: GraphBuilder, model: FittedModel, scores: str) -> str:
    """Means of tokens and latency, then their p95s: the same scores twice, once with the log of p95 over mean."""
    quantities = (*model.output_tokens, *model.latency_ms)
    tails = np.log([head.tail for head in quantities])
    twice = nodes.constant(np.tile(np.eye(len(quantities)), 2))
    logs = nodes.add("Gemm", scores, twice, nodes.constant(np.concatenate([np.zeros(len(tails)), tails])))
    return nodes.add("Exp", logs)


def _contrast(model: FittedModel) -> Array:
    """Chances (K) to their weighted differences from the baseline's: float64 (K, K - 1)."""
    contrast: Array = np.zeros((len(model.success), len(model.uplift)))
    for arm, head in enumerate(model.uplift):
        contrast[arm + 1, arm], contrast[0, arm] = head.success_weight, -head.success_weight
    return contrast


def _calibrated(nodes: GraphBuilder, model: FittedModel, known: str, widened: str) -> str:
    """Success, uplift, lower and upper side by side, of chances K and raw uplifts K - 1 side by side.

    All are centres + (nothing, nothing, -below, above) x width, clipped to what an uplift can be; success keeps within
    [0, 1] by its maps.
    """
    arms = len(model.success)
    flat = PiecewiseLinear(np.zeros(1), np.zeros(1))
    centres = [(arm, _bounded(head.calibration, 0.0, 1.0)) for arm, head in enumerate(model.success)]
    centres += [(arms + arm, head.calibration) for _ in range(3) for arm, head in enumerate(model.uplift)]
    reach = [(0, flat)] * (arms + len(model.uplift))
    reach += [
        (arms + arm, PiecewiseLinear(head.below.knots, -head.below.values)) for arm, head in enumerate(model.uplift)
    ]
    reach += [(arms + arm, head.above) for arm, head in enumerate(model.uplift)]
    mapped = _maps(nodes, known, arms + len(model.uplift), [*centres, *reach])
    middle, aside = nodes.split(mapped, (len(centres), len(reach)))
    return _clip(nodes, nodes.add("Add", middle, nodes.add("Mul", aside, widened)), -1.0, 1.0)


def _trees(nodes: GraphBuilder, model: FittedModel, design: str) -> str:
    """All tree heads in one node: success K (and feature-only K), direct uplift K - 1, tokens K, latency K."""
    heads = [head.score for head in model.success] + list(model.feature_only)
    heads += [head.direct or TreeHead((), ()) for head in model.uplift]
    heads += [_quantity(head.mean) for head in (*model.output_tokens, *model.latency_ms)]
    return add_forest(nodes, pack_trees(heads), len(heads), design)


def add_forest(nodes: GraphBuilder, forest: Forest, heads: int, design: str) -> str:
    """Add a forest; gives its scores, float64 (n, S)."""
    return nodes.add(
        "TreeEnsemble",
        design,
        domain=TREES_DOMAIN,
        n_targets=heads,
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


def _quantity(part: TreeHead | float) -> TreeHead:
    """Make a constant a head without trees: exp undoes the log."""
    return part if isinstance(part, TreeHead) else TreeHead((), (), float(np.log(max(part, _LEAST_QUANTITY))))


def _maps(nodes: GraphBuilder, x: str, width: int, maps: Sequence[tuple[int, PiecewiseLinear]]) -> str:
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


def _clip(nodes: GraphBuilder, value: str, low: float, high: float) -> str:
    return nodes.add("Clip", value, nodes.constant(low), nodes.constant(high))


def _bounded(curve: PiecewiseLinear, low: float, high: float) -> PiecewiseLinear:
    """Clip a map exactly: where it crosses a bound inside a segment, it gets a knot."""
    knots, values = [curve.knots], [curve.values]
    for bound in (low, high):
        before, after = curve.values[:-1] - bound, curve.values[1:] - bound
        crossing = before * after < 0
        share = before[crossing] / (before - after)[crossing]
        knots.append(curve.knots[:-1][crossing] + share * np.diff(curve.knots)[crossing])
        values.append(np.full(len(share), bound))
    order = np.argsort(np.concatenate(knots), kind="stable")
    x, y = np.concatenate(knots)[order], np.clip(np.concatenate(values)[order], low, high)
    kept = np.append(True, np.diff(x) > 0)
    return PiecewiseLinear(x[kept], y[kept])


def _components(nodes: GraphBuilder, components: Components, doubled: str) -> tuple[str, str]:
    """Standardise and project the design row, in float64: support is steep, so float32 would show in what it mixes."""
    centred = nodes.add("Sub", doubled, nodes.constant(components.mean))
    standardised = nodes.add("Mul", centred, nodes.constant(components.scale))
    return standardised, nodes.add("MatMul", standardised, nodes.constant(components.axes))


def _support(nodes: GraphBuilder, head: SupportHead, standardised: str, components: str) -> str:
    """Support: the map of the cosine to the nearest centroid x the typicality of the residual; float64 (n, 1)."""
    unit = nodes.add("LpNormalization", components, axis=1)
    products = nodes.add("MatMul", unit, nodes.constant(head.centroids.T))
    similarity = nodes.add("ReduceMax", products, axes=[1], keepdims=1)
    lengths = [nodes.add("ReduceSumSquare", rows, axes=[1], keepdims=1) for rows in (standardised, components)]
    known = nodes.add("Concat", similarity, nodes.add("Sub", *lengths), axis=1)
    maps = [(0, _bounded(head.map, 0.0, 1.0)), (1, _bounded(head.typicality, 0.0, 1.0))]
    return nodes.add("Mul", *nodes.split(_maps(nodes, known, 2, maps), (1, 1)))


def _tasks(nodes: GraphBuilder, head: TaskHead, components: str) -> str:
    logits = nodes.add("Gemm", components, nodes.constant(head.weight), nodes.constant(head.bias))
    return nodes.add("Softmax", logits, axis=1)
