"""Speed on this machine: decide() in process, its stages, and the graph against LightGBM; `make bench`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from serving.decision.bundle import load
from serving.decision.conversation import from_prompt
from serving.decision.engine import Engine
from serving.decision.features import extract
from serving.decision.inputs import prepare
from serving.decision.types import Request
from training.pipeline import TrainSettings, train
from training.world import World

ROUNDS = 4000
FOLDER = Path("var/bench")
WORDS = "plan the move of our billing service to three regions with least risk and say what a step costs 42 EUR".split()


def main() -> None:
    """Train the bench bundle if it is not there, measure, print."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    bundle_path, difference = _bundle()
    model = load(bundle_path)
    engine = Engine(model)
    requests = [_request(128, seed) for seed in range(64)]
    inputs = [prepare([r], model.tokenizer, model.manifest.encoder.limits) for r in requests]
    tokens = int(np.mean([row.token_ids.shape[1] for row in inputs]))
    table = Table(title=f"In process, one thread, {tokens}-token prompts, {ROUNDS} rounds")
    for column in ("stage", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for name, run in (
        ("features", lambda i: extract(requests[i])),
        ("features + tokens", lambda i: prepare([requests[i]], model.tokenizer, model.manifest.encoder.limits)),
        ("graph", lambda i: model.predict(inputs[i])),
        ("decide()", lambda i: engine.decide(requests[i])),
    ):
        p50, p99 = _time(run, len(requests))
        table.add_row(name, f"{p50:.3f}", f"{p99:.3f}")
    console = Console(width=100)
    console.print(table)
    if difference is not None:
        console.print(f"ONNX against LightGBM: max difference {difference:.1e}")
    console.print(f"model.onnx {(bundle_path / 'model.onnx').stat().st_size / 2**20:.1f} MiB")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-m", "tests.benchmarks.bench_http"], check=True)


def _bundle() -> tuple[Path, float | None]:
    path = FOLDER / "bundle"
    if (path / "manifest.json").exists():
        return path, None
    FOLDER.mkdir(parents=True, exist_ok=True)
    World(seed=11).write_parquet(FOLDER / "history.parquet", 4000)
    trained = train([str(FOLDER / "history.parquet")], path, TrainSettings(cache=Path("var/cache"), resamples=100))
    return path, trained.exported.difference


def _request(tokens: int, seed: int) -> Request:
    rng = np.random.default_rng(seed)
    return Request(from_prompt(" ".join(rng.choice(WORDS, size=tokens))))


def _time(run: Callable[[int], object], count: int) -> tuple[float, float]:
    for i in range(200):
        run(i % count)
    taken = np.empty(ROUNDS)
    for i in range(ROUNDS):
        start = time.perf_counter_ns()
        run(i % count)
        taken[i] = time.perf_counter_ns() - start
    return float(np.quantile(taken, 0.5) / 1e6), float(np.quantile(taken, 0.99) / 1e6)


if __name__ == "__main__":
    main()
