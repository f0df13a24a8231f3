"""CPU of reading, deciding on and rewriting a long agent body against a short chat body (ARGS="--bundle FOLDER").

Both bodies take turns in one process, so that the ratio holds on a busy machine. Time is the CPU time of the process.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from serving.decision import Engine
from serving.decision.bundle import load_bundle
from serving.decision.providers import apply_decision, parse_body
from serving.schemas import read_lossless, write_lossless
from tests.benchmarks.run_speed import bench_bundle

ROUNDS = 1500
ASK = "Rename the variable x to total in pricing.py."


def short_body() -> bytes:
    """Give a chat body of 110 bytes."""
    return orjson.dumps({"model": "gpt-5.1", "messages": [{"role": "user", "content": ASK}]})


def agent_body() -> bytes:
    """Give a chat body of 140 kB: system prompt, reminder, 60 tools, and eight turns with tool results."""
    rule = "Follow the style of the file that you edit, run the tests that cover it, and say what you did not do.\n"
    tools = [
        {
            "type": "function",
            "function": {
                "name": f"tool_{number}",
                "description": "Reads, searches or changes files of the workspace. " * 8,
                "parameters": {"type": "object", "properties": {"path": {"type": "string", "description": "a path"}}},
            },
        }
        for number in range(60)
    ]
    turns: list[dict[str, Any]] = [
        {"role": "system", "content": "You are a coding agent.\n" + rule * 620},
        {
            "role": "user",
            "content": f"<system-reminder>\n{rule * 80}</system-reminder>\nFind where prices are added up.",
        },
    ]
    for number in range(8):
        call = {"id": f"c{number}", "type": "function", "function": {"name": "tool_1", "arguments": "{}"}}
        code = "".join(f"    total = total + price_{number}_{line}  # <line {line}>\n" for line in range(90))
        turns += [{"role": "assistant", "content": None, "tool_calls": [call]}]
        turns += [{"role": "tool", "tool_call_id": f"c{number}", "content": code}]
    turns += [{"role": "assistant", "content": "In pricing.py."}, {"role": "user", "content": ASK}]
    return orjson.dumps({"model": "gpt-5.1", "tools": tools, "messages": turns})


def steps(engine: Engine, raw: bytes) -> dict[str, Callable[[], object]]:
    """Give the steps of one rewrite as calls, and all of them in one."""
    document = read_lossless(raw)
    parsed = parse_body(document.value)
    decision = engine.decide(parsed.request)
    rewritten = apply_decision(document.value, parsed, decision)

    def whole() -> bytes:
        document = read_lossless(raw)
        parsed = parse_body(document.value)
        decision = engine.decide(parsed.request)
        return write_lossless(apply_decision(document.value, parsed, decision).body, document.plain)

    return {
        "parse JSON": lambda: read_lossless(raw),
        "read the body": lambda: parse_body(document.value),
        "decide": lambda: engine.decide(parsed.request),
        "rewrite": lambda: apply_decision(document.value, parsed, decision),
        "write JSON": lambda: write_lossless(rewritten.body, document.plain),
        "read + decide + rewrite": lambda: apply_decision(
            document.value, read := parse_body(document.value), engine.decide(read.request)
        ),
        "all": whole,
    }


def main() -> None:
    """Measure the steps of both bodies in turn, print microseconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path)
    options = parser.parse_args()
    model = load_bundle(options.bundle or bench_bundle()[0])
    engine = Engine(model, arms=[replace(arm, model="gpt-5.1") for arm in model.arms])
    bodies = (short_body(), agent_body())
    calls = [steps(engine, raw) for raw in bodies]
    print(f"| step | {len(bodies[0])} B, us | {len(bodies[1]):,} B, us | ratio |\n|---|---|---|---|")
    for name in calls[0]:
        taken: tuple[list[int], list[int]] = ([], [])
        for number in range(ROUNDS):
            for place in (0, 1) if number % 2 else (1, 0):
                start = time.process_time_ns()
                calls[place][name]()
                taken[place].append(time.process_time_ns() - start)
        short, long = (float(np.median(one)) / 1000 for one in taken)
        print(f"| {name} | {short:.1f} | {long:.1f} | {long / short:.2f} |", flush=True)


if __name__ == "__main__":
    main()
