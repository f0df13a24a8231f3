"""Speed on this machine: decide() in process, its stages, and the graph against LightGBM.

Each stage is timed twice. The same prompt again and again is the kindest case: the processor has learnt its branches.
Prompts that take turns come nearer to traffic; between two calls of a stage measured alone, though, nothing else runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from serving.decision.bundle.loader import Bundle, load_bundle
from serving.decision.conversation import from_prompt
from serving.decision.engine import Engine
from serving.decision.features import extract
from serving.decision.features.model_inputs import encode_batch
from serving.decision.policy.policy_file import PolicySource
from serving.decision.types import Request
from training.pipeline.train import TrainSettings, train
from training.synthetic import World

ROUNDS = 4000
REPEATS = 60
"""Calls in a row of one request, where requests do not take turns."""
TOKENS = 128
FOLDER = Path("var/bench")
WORDS = "plan the move of our billing service to three regions with least risk and say what a step costs 42 EUR".split()


def main() -> None:
    """Train the bench bundle if it is not there, measure, print."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    bundle_path, difference = bench_bundle()
    model = load_bundle(bundle_path)
    console = Console(width=110)
    for title, requests in (
        ("like the history", known_requests(model, 64)),
        ("unlike any history: the prior is asked too", [unknown_request(TOKENS, seed) for seed in range(64)]),
    ):
        console.print(_stages(model, title, requests))
    if difference is not None:
        console.print(f"ONNX against LightGBM: max difference {difference:.1e}")
    console.print(f"model.onnx {(bundle_path / 'model.onnx').stat().st_size / 2**20:.1f} MiB")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-m", "tests.benchmarks.bench_http"], check=True)


def _stages(model: Bundle, title: str, requests: Sequence[Request]) -> Table:
    engine = Engine(model)
    full = Engine(model, PolicySource(Path("data/policy.toml"), model.arms).live)
    limits = model.manifest.encoder.limits
    inputs = [encode_batch([request], model.tokenizer, limits) for request in requests]
    tokens = int(np.mean([row.token_ids.shape[1] for row in inputs]))
    table = Table(title=f"In process, one thread, {len(requests)} prompts of {tokens} tokens {title}, {ROUNDS} rounds")
    for column in ("stage", "same again p50 ms", "in turn p50 ms", "in turn p99 ms"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for name, run in (
        ("features", lambda i: extract(requests[i])),
        ("features + tokens", lambda i: encode_batch([requests[i]], model.tokenizer, limits)),
        ("graph", lambda i: model.predict(inputs[i])),
        ("decide()", lambda i: engine.decide(requests[i])),
        ("decide(), policy of data/policy.toml", lambda i: full.decide(requests[i])),
    ):
        p50, p99 = np.quantile(_time(run, [i % len(requests) for i in range(ROUNDS)]), [0.5, 0.99])
        same = np.median(_time(run, [i // REPEATS for i in range(REPEATS * len(requests))]))
        table.add_row(name, f"{same:.3f}", f"{p50:.3f}", f"{p99:.3f}")
    return table


def bench_bundle() -> tuple[Path, float | None]:
    """Give the bench bundle, trained once, and its difference to LightGBM where it was trained just now."""
    path = FOLDER / "bundle"
    if (path / "manifest.json").exists():
        return path, None
    FOLDER.mkdir(parents=True, exist_ok=True)
    World(seed=11).write_parquet(FOLDER / "history.parquet", 4000)
    trained = train([str(FOLDER / "history.parquet")], path, TrainSettings(cache=Path("var/cache"), resamples=100))
    return path, trained.exported.difference


def known_requests(model: Bundle, count: int) -> list[Request]:
    """Synthetic prompts of about `TOKENS` tokens from the world that the bundle was trained on, but not those."""
    found: list[Request] = []
    for request in World(seed=11).sample(4000, start=4000).requests:
        width = encode_batch([request], model.tokenizer, model.manifest.encoder.limits).token_ids.shape[1]
        if abs(width - TOKENS) <= TOKENS // 12:
            found.append(request)
        if len(found) == count:
            break
    return found


def unknown_request(tokens: int, seed: int) -> Request:
    """Give a request of words in no order."""
    rng = np.random.default_rng(seed)
    return Request(from_prompt(" ".join(rng.choice(WORDS, size=tokens))))


def _time(run: Callable[[int], object], places: Sequence[int]) -> NDArray[np.float64]:
    """Give the milliseconds of each call, after 200 that do not count."""
    for place in places[:200]:
        run(place)
    taken = np.empty(len(places))
    for number, place in enumerate(places):
        start = time.perf_counter_ns()
        run(place)
        taken[number] = time.perf_counter_ns() - start
    return taken / 1e6


if __name__ == "__main__":
    main()
