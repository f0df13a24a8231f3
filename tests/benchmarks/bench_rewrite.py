"""What a rewrite adds to a decision, by size and kind of body: `python -m tests.benchmarks.bench_rewrite`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from serving.decision.providers.request_body import parse_body
from serving.decision.providers.rewrite import apply_decision
from serving.decision.types import ArmEstimate, Caps, Decision, Usd
from serving.schemas.lossless_json import read_lossless, write_lossless

ROUNDS = 400


def bodies() -> dict[str, dict[str, Any]]:
    """Give one body of each kind: short, a long conversation, one that carries a picture."""
    text = "Plan the move of a billing service to three regions, with costs, risks and a way back. "
    turns = [{"role": "assistant" if place % 2 else "user", "content": text * 4} for place in range(61)]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 250_000}}
    ask = [{"role": "user", "content": text * 6}]
    return {
        "chat, 128 tokens": {"model": "gpt-5.1", "messages": ask},
        "responses, 128 tokens": {"model": "gpt-5.1", "input": text * 6},
        "anthropic, 128 tokens": {"model": "claude-sonnet-4-5", "max_tokens": 20_000, "system": "x", "messages": ask},
        "gemini, 128 tokens": {"contents": [{"role": "user", "parts": [{"text": text * 6}]}]},
        "chat, 61 turns": {"model": "gpt-5.1", "messages": turns},
        "chat, picture of 1 MB": {
            "model": "gpt-5.1",
            "messages": [{"role": "user", "content": [{"type": "text", "text": text}, picture]}],
        },
    }


def median_us(call: Callable[[], object]) -> float:
    """Give the median time of a call in microseconds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        call()
        taken.append(time.perf_counter_ns() - start)
    return sorted(taken)[ROUNDS // 2] / 1000


def main() -> None:
    """Measure each step, and print a table."""
    table = Table(title="One rewrite without the decision, p50 in microseconds", title_justify="left")
    for name in ("body", "bytes", "parse", "read", "apply", "write", "all"):
        table.add_column(name, justify="left" if name == "body" else "right")
    for name, body in bodies().items():
        model = str(body.get("model", "gemini-2.5-flash"))
        estimates = {"a": ArmEstimate(0.9, Usd(0.01), 1000.0, 100.0)}
        decision = Decision(
            "0" * 26, "a", model, "high", "use", 1.0, "", estimates, Caps(8000, 1, 9000), 1.0, None, "b", "p", 1
        )
        raw = orjson.dumps(body)
        reading = parse_body(body, model=model)
        done = apply_decision(body, reading, decision)
        steps = [
            median_us(lambda raw=raw: read_lossless(raw)),  # type: ignore[misc]
            median_us(lambda body=body, model=model: parse_body(body, model=model)),  # type: ignore[misc]
            median_us(lambda b=body, r=reading, d=decision: apply_decision(b, r, d)),  # type: ignore[misc]
            median_us(lambda done=done: write_lossless(done.body, True)),  # type: ignore[misc]
        ]
        table.add_row(name, f"{len(raw):,}", *(f"{step:.1f}" for step in steps), f"{sum(steps):.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
