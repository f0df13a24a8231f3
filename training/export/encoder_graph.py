"""Encoder part of a bundle's graph: token ids and weights in, embeddings of both parts of a request out."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from onnx import numpy_helper

from training.encoders import Encoder, StaticEncoder, TransformerEncoder, quantize
from training.errors import TrainingError
from training.export.graph_builder import FLOAT, GraphBuilder

OPSET: Final = 17


def add_encoder(nodes: GraphBuilder, encoder: Encoder) -> str:
    """Add the encoder; gives the name of its output, float32 (n, 2 D).

    Raises
    ------
    TrainingError
        If a transformer's graph is not of opset `OPSET`.
    """
    parts = _static(nodes, encoder) if isinstance(encoder, StaticEncoder) else _transformer(nodes, encoder)
    return nodes.add("Reshape", parts, nodes.whole(-1, 2 * encoder.dims))


def _static(nodes: GraphBuilder, encoder: StaticEncoder) -> str:
    """Sum rows of the table, then scale: the weights of a part are all alike, so its largest is the scale.

    The file holds whole steps in int16; a session works out the float32 table once, when it opens the graph. A step is
    a power of two, so its multiples add up as exactly as whole numbers do.
    """
    grid = quantize(encoder.table, encoder.limits.max_tokens)
    steps = nodes.add("Cast", nodes.constant(grid.steps, np.int16), to=FLOAT)
    table = nodes.add("Mul", steps, nodes.constant(grid.step, np.float32))
    sums = nodes.add("MatMul", nodes.add("Sign", "token_weights"), nodes.add("Gather", table, "token_ids"))
    return nodes.add("Mul", sums, nodes.add("ReduceMax", "token_weights", axes=[2], keepdims=1))


def _transformer(nodes: GraphBuilder, encoder: TransformerEncoder) -> str:
    """Run the encoder in one batch over the parts that have tokens; the embeddings of the others stay zero."""
    inner = onnx.compose.add_prefix(onnx.load_from_string(encoder.onnx), "encoder/")
    opsets = {entry.domain: entry.version for entry in inner.opset_import}
    if opsets != {"": OPSET} or inner.functions:
        raise TrainingError(f"the encoder's graph has opsets {opsets}, not plain {OPSET}: export it with that opset")
    flat = nodes.add("Concat", nodes.whole(-1), nodes.add("Shape", "token_ids", start=1), axis=0)
    masks = nodes.add("Reshape", nodes.add("Sign", "token_weights"), flat)
    once = nodes.add("Unsqueeze", "token_ids", nodes.whole(1))
    ids = nodes.add("Reshape", nodes.add("Concat", once, once, axis=1), flat)
    spoken = nodes.add("ReduceMax", masks, axes=[1], keepdims=0)
    # Row 0 always runs, spoken or not: an encoder need not take an empty batch.
    others = nodes.add("Slice", spoken, nodes.whole(1), nodes.whole(np.iinfo(np.int64).max))
    chosen = nodes.add("Concat", nodes.constant([1.0], np.float32), others, axis=0)
    places = nodes.add("Transpose", nodes.add("NonZero", chosen), perm=[1, 0])
    nodes.add("GatherND", ids, places, output="encoder/token_ids")
    nodes.add("GatherND", masks, places, output="encoder/mask")
    nodes.nodes.extend(inner.graph.node)
    nodes.constants.extend(inner.graph.initializer)
    shape = nodes.add("Concat", nodes.add("Shape", spoken), nodes.whole(encoder.dims), axis=0)
    zeros = nodes.add("ConstantOfShape", shape, value=numpy_helper.from_array(np.zeros(1, np.float32)))
    return nodes.add("ScatterND", zeros, places, inner.graph.output[0].name)
