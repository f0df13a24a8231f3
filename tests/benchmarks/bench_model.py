"""What the graph costs, beside the ways not taken: `python -m tests.benchmarks.bench_model`.

A synthetic model of full size: a token table of 30,522 x 384, four heads of 200 trees x 31 leaves, 128-token prompts.
Rows take turns, or the processor learns the trees' branches by heart and shows half the time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import lightgbm as lgb
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console
from rich.table import Table

from serving.decision.bundle import PACKED, Bundle, open_session
from serving.decision.features import FEATURE_NAMES
from serving.decision.inputs import Limits
from serving.decision.manifest import Consumption, DataFingerprint, EncoderSpec, Manifest
from serving.decision.tokens import Tokenizer
from serving.decision.types import Arm, FloatArray, ModelInput
from training.encoder import StaticEncoder
from training.encoder_graph import OPSET, embed
from training.graph import IR_VERSION, TREES_OPSET, build
from training.grid import snap
from training.model import (
    Array,
    Components,
    FittedModel,
    PiecewiseLinear,
    QuantityHead,
    SuccessHead,
    SupportHead,
    TreeHead,
    UpliftHead,
)
from training.nodes import TREES_DOMAIN, Nodes
from training.proof import NAMES, gap
from training.reference import predict
from training.support import COMPONENTS
from training.trees import pack

ROWS, TOKENS, VOCABULARY, DIMS = 256, 128, 30_522, 384
WIDTH = 2 * DIMS + len(FEATURE_NAMES)
NOWHERE = Path("no-folder")
ARMS = (Arm("direct", "m"), Arm("reasoning", "m", "high"))
TOKENIZER = (
    '{"version": "1.0", "added_tokens": [], "model": {"type": "WordLevel", "vocab": {"?": 0}, "unk_token": "?"}}'
)

Run = Callable[[int], object]


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3000)
    rounds = parser.parse_args().rounds
    rng = np.random.default_rng(0)
    table = snap(rng.normal(scale=0.3, size=(VOCABULARY, DIMS)).astype(np.float32), TOKENS)
    encoder = StaticEncoder("bench", TOKENIZER, table, Limits(max_tokens=TOKENS), "bench")
    inputs = [_inputs(rng, 1) for _ in range(ROWS)]
    design = np.concatenate([np.hstack([encoder.embed(row), row.features]) for row in inputs])
    model = _model(rng, design)
    graph = build(model, encoder, len(FEATURE_NAMES))
    session = open_session(graph.SerializeToString(), NOWHERE)
    bundle = Bundle(_manifest(encoder), Tokenizer.from_json(TOKENIZER), session)
    feeds = [{name: getattr(row, name) for name in ("token_ids", "token_weights", "features")} for row in inputs]
    results = Table(title=f"p50 of {rounds} calls, one thread, one row of {TOKENS} tokens unless said")
    results.add_column("what")
    results.add_column("us", justify="right")
    heads = [model.success[0].score, model.success[1].score, *_more_heads(model)]
    rows = [design[k : k + 1] for k in range(ROWS)]
    several = [_stack(inputs[:ROWS])]
    for name, run, count in (
        ("Bundle.predict", lambda k: bundle.predict(inputs[k]), ROWS),
        ("run(), packed output", lambda k: session.run((PACKED,), feeds[k])[0].tolist(), ROWS),
        ("run(), an output per field", lambda k: [a.tolist() for a in session.run(NAMES[:-1], feeds[k])], ROWS),
        ("io binding, packed output", _bound(session, feeds), ROWS),
        ("embedding: int16 grid, float32 sums", _part(_grid_embedding(table), feeds), ROWS),
        ("embedding: float32 table", _part(_float_embedding(table), feeds), ROWS),
        ("embedding: float32 table, float64 sums", _part(_float_embedding(table, double=True), feeds), ROWS),
        ("trees: one float64 node", _trees(heads, [heads], np.float64, rows), ROWS),
        ("trees: one float32 node", _trees(heads, [heads], np.float32, rows), ROWS),
        ("trees: a float64 node per head", _trees(heads, [[head] for head in heads], np.float64, rows), ROWS),
        (f"Bundle.predict of {ROWS} rows, per row", lambda k: bundle.predict(several[k]), 1),
    ):
        share = 1 if count == ROWS else ROWS
        results.add_row(name, f"{_p50(run, count, rounds // share) / share:.1f}")
    console = Console(width=100)
    console.print(results)
    found = dict(zip(NAMES[:-1], session.run(NAMES[:-1], _feeds(several[0])), strict=True))
    found["task_probabilities"] = np.zeros((ROWS, 0), np.float32)
    console.print(f"graph against LightGBM: {gap(found, predict(model, design)).max():.1e}")
    console.print(f"graph {len(graph.SerializeToString()) / 2**20:.1f} MiB")


def _inputs(rng: np.random.Generator, n: int) -> ModelInput:
    weights = np.zeros((n, 2, TOKENS), np.float32)
    weights[:, 0, :96], weights[:, 1, 96:] = 1 / 96, 1 / 32
    ids = np.minimum(rng.zipf(1.2, size=(n, TOKENS)), VOCABULARY - 1).astype(np.int64)
    return ModelInput(ids, weights, rng.normal(size=(n, len(FEATURE_NAMES))).astype(np.float32))


def _stack(parts: Sequence[ModelInput]) -> ModelInput:
    return ModelInput(*(np.concatenate([getattr(p, name) for p in parts]) for name in ModelInput.__slots__))


def _feeds(inputs: ModelInput) -> dict[str, FloatArray]:
    return {name: getattr(inputs, name) for name in ModelInput.__slots__}


def _model(rng: np.random.Generator, design: FloatArray) -> FittedModel:
    """Give four tree heads over noise around a mix of columns; constants else."""
    x = np.repeat(design, 8, axis=0) + rng.normal(scale=0.05, size=(8 * ROWS, WIDTH)).astype(np.float32)
    settings = {"num_leaves": 31, "learning_rate": 0.04, "feature_fraction": 0.2, "verbose": -1, "num_threads": 2}
    data = lgb.Dataset(x, free_raw_data=False)

    def head(shift: float = 0.0) -> TreeHead:
        y = np.tanh(x @ rng.normal(size=WIDTH) / 8) + rng.normal(scale=0.3, size=len(x)) + shift
        return TreeHead((lgb.train(settings, data.set_label(y), 200),), (1.0,))

    flat = PiecewiseLinear(np.array([0.0]), np.array([0.1]))
    line = PiecewiseLinear(np.linspace(0, 1, 20), np.linspace(0.02, 0.97, 20) ** 1.1)
    components = Components(design.mean(axis=0).astype(np.float64), rng.normal(size=(WIDTH, COMPONENTS)) / 30)
    z = components.of(design[:64])
    centroids: Array = z / np.linalg.norm(z, axis=1, keepdims=True)
    return FittedModel(
        success=(SuccessHead(head(), line), SuccessHead(head(), line)),
        uplift=(UpliftHead(0.5, head(), PiecewiseLinear(np.linspace(-1, 1, 20), np.linspace(-1, 1, 20)), flat, flat),),
        output_tokens=(QuantityHead(300.0, 3.0, "defaults"), QuantityHead(head(7.0), 3.0, "history")),
        latency_ms=(QuantityHead(2000.0, 3.0, "defaults"), QuantityHead(2e4, 3.0, "defaults")),
        support=SupportHead(components, centroids, line),
        widening=1.0,
        tasks=None,
    )


def _more_heads(model: FittedModel) -> list[TreeHead]:
    parts = (model.uplift[0].direct, model.output_tokens[1].mean)
    return [part for part in parts if isinstance(part, TreeHead)]


def _manifest(encoder: StaticEncoder) -> Manifest:
    return Manifest(
        created="",
        thinkgate_version="",
        arms=ARMS,
        features=FEATURE_NAMES,
        encoder=EncoderSpec("static", encoder.name, encoder.limits),
        tasks=(),
        files={},
        consumption=Consumption("history", "defaults"),
        data=DataFingerprint("", 0, 0),
    )


def _bound(session: onnxruntime.InferenceSession, feeds: Sequence[dict[str, FloatArray]]) -> Run:
    binding = session.io_binding()

    def run(k: int) -> object:
        for name, value in feeds[k].items():
            binding.bind_cpu_input(name, value)
        binding.bind_output(PACKED, "cpu")
        session.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()[0].tolist()

    return run


def _grid_embedding(table: FloatArray) -> Nodes:
    nodes = Nodes()
    encoder = StaticEncoder("bench", TOKENIZER, table, Limits(max_tokens=TOKENS), "bench")
    nodes.add("Identity", embed(nodes, encoder), output="out")
    return nodes


def _float_embedding(table: FloatArray, *, double: bool = False) -> Nodes:
    nodes = Nodes()
    rows, weights = nodes.add("Gather", nodes.constant(table, np.float32), "token_ids"), "token_weights"
    if double:
        rows, weights = (nodes.add("Cast", value, to=TensorProto.DOUBLE) for value in (rows, weights))
    sums = nodes.add("Reshape", nodes.add("MatMul", weights, rows), nodes.whole(-1, 2 * DIMS))
    nodes.add("Cast", sums, output="out", to=TensorProto.FLOAT)
    return nodes


def _part(nodes: Nodes, feeds: Sequence[dict[str, FloatArray]]) -> Run:
    names = ("token_ids", "token_weights")
    inputs = [
        helper.make_tensor_value_info("token_ids", TensorProto.INT64, ["n", "L"]),
        helper.make_tensor_value_info("token_weights", TensorProto.FLOAT, ["n", 2, "L"]),
    ]
    session = _session(nodes, inputs, TensorProto.FLOAT)
    kept = [{name: feed[name] for name in names} for feed in feeds]
    return lambda k: session.run(None, kept[k])


def _trees(
    heads: Sequence[TreeHead],
    groups: Sequence[Sequence[TreeHead]],
    dtype: type[np.floating],
    rows: Sequence[FloatArray],
) -> Run:
    """Time the forest in one node or several; in float32 the thresholds are only near (speed is all we look at)."""
    nodes = Nodes()
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    x = nodes.add("Cast", "x", to=kind)
    sums = []
    for group in groups:
        forest = pack(group)
        sums.append(
            nodes.add(
                "TreeEnsemble",
                x,
                domain=TREES_DOMAIN,
                n_targets=len(group),
                aggregate_function=1,
                post_transform=0,
                tree_roots=forest.roots,
                nodes_featureids=forest.features,
                nodes_splits=numpy_helper.from_array(np.asarray(forest.thresholds, dtype), "splits"),
                nodes_modes=numpy_helper.from_array(np.zeros(len(forest.features), np.uint8), "modes"),
                nodes_truenodeids=forest.yes,
                nodes_trueleafs=forest.yes_leaf,
                nodes_falsenodeids=forest.no,
                nodes_falseleafs=forest.no_leaf,
                leaf_targetids=forest.leaf_heads,
                leaf_weights=numpy_helper.from_array(np.asarray(forest.leaf_values, dtype), "leaves"),
            )
        )
    nodes.add("Concat", *sums, output="out", axis=1)
    session = _session(nodes, [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTH])], kind)
    return lambda k: session.run(None, {"x": rows[k]})


def _session(nodes: Nodes, inputs: Sequence[onnx.ValueInfoProto], kind: int) -> onnxruntime.InferenceSession:
    outputs = [helper.make_tensor_value_info("out", kind, ["n", "width"])]
    graph = helper.make_graph(nodes.nodes, "part", inputs, outputs, nodes.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(TREES_DOMAIN, TREES_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return open_session(model.SerializeToString(), NOWHERE)


def _p50(run: Run, count: int, rounds: int) -> float:
    """Median of single calls in microseconds."""
    for k in range(count):
        run(k)
    taken = np.empty(max(rounds, 5))
    for k in range(len(taken)):
        start = time.perf_counter_ns()
        run(k % count)
        taken[k] = time.perf_counter_ns() - start
    return float(np.median(taken) / 1e3)


if __name__ == "__main__":
    main()
