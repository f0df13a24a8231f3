"""Long fuzz of the real server over HTTP and gRPC: fails at the first 5xx, crash or hung call.

A short form of each is among the tests: schemathesis in tests/serving/test_main.py, bodies in test_http_api.py,
protobuf in test_grpc_api.py and test_ext_proc.py.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx

from serving.proto.envoy import ext_proc_pb2
from serving.proto.thinkgate.v1 import decision_pb2, outcome_pb2
from tests.benchmarks.serving_peers import ROOT, thinkgate

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
SEEDS: tuple[Any, ...] = (
    {"messages": [{"role": "user", "content": "Plan the move."}], "deadline_ms": 900, "tools": 2},
    {"prompt": "What is 17 * 23?", "tenant": "acme", "client_effort": "low"},
    {"requests": [{"prompt": "a"}, {"prompt": "b"}]},
    {"model": "claude-sonnet-4-5", "max_tokens": 9000, "system": "x", "messages": [{"role": "user", "content": "Hi"}]},
    {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": {"thinkingConfig": {}}},
    {
        "model": "gpt-5.1",
        "input": [{"type": "message", "role": "user", "content": "Hi"}],
        "reasoning": {"effort": "low"},
    },
    [{"decision_id": "01J", "success": 1.0, "latency_ms": 12.5}],
)
PATHS = ("/v1/decisions", "/v1/decisions/batch", "/v1/rewrite", "/v1/outcomes")
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, 2**63, 10**30, "", " ", "\u0000", "\ud800", "a" * 5000, [], [[]], {}, {"type": "text"},
    float("nan"), float("inf"), "high", ["a"], {"role": "king"},
)  # fmt: skip


def bodies(count: int, rng: random.Random) -> Iterator[bytes]:
    """Give bodies near to good ones: values replaced, keys lost or invented, bytes changed, cut and doubled."""
    for _ in range(count):
        value = _changed(json.loads(json.dumps(rng.choice(SEEDS))), rng)
        raw = bytearray(json.dumps(value).encode("utf-8", "surrogatepass"))
        yield bytes(_spoilt(raw, rng) if rng.random() < 0.5 else raw)


def messages(count: int, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Give gRPC paths and bytes near to good messages."""
    good = {
        "/thinkgate.v1.DecisionService/Decide": decision_pb2.DecideRequest(prompt="Hi", deadline_ms=9.0, tools=1),
        "/thinkgate.v1.DecisionService/DecideBatch": decision_pb2.DecideBatchRequest(
            requests=[decision_pb2.DecideRequest(messages=[decision_pb2.Message(role="user", text="Hi")])] * 3
        ),
        "/thinkgate.v1.OutcomeService/Report": outcome_pb2.ReportRequest(
            outcomes=[outcome_pb2.Outcome(decision_id="01J", success=1.0, failure_mode="timeout")]
        ),
    }
    for _ in range(count):
        path = rng.choice(tuple(good))
        raw = bytearray(good[path].SerializeToString())
        yield path, rng.randbytes(rng.randrange(60)) if rng.random() < 0.2 else bytes(_spoilt(raw, rng))


def _changed(value: Any, rng: random.Random) -> Any:
    for _ in range(rng.randrange(4)):
        place = value
        while isinstance(place, dict | list) and place:
            key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
            if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.3:
                if rng.random() < 0.2 and isinstance(place, dict):
                    del place[key]
                else:
                    place[key] = copy.deepcopy(rng.choice(ODD))
                break
            place = place[key]
    return value


def _spoilt(raw: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.randrange(1, 5)):
        if raw:
            raw[rng.randrange(len(raw))] = rng.randrange(256)
    cut = rng.randrange(len(raw) + 1)
    return raw[:cut] + raw[cut // 2 :] if rng.random() < 0.5 else raw


def fuzz_http(port: int, count: int, rng: random.Random) -> Counter[int]:
    """Post bodies; give how often each status came."""
    seen: Counter[int] = Counter()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        for raw in bodies(count, rng):
            path = rng.choice(PATHS)
            answer = client.post(path, content=raw, headers={"content-type": "application/json"})
            seen[answer.status_code] += 1
            if answer.status_code >= 500:
                sys.exit(f"{path} answered {answer.status_code} to {raw!r}")
    return seen


def fuzz_grpc(port: int, count: int, rng: random.Random) -> Counter[str]:
    """Send messages; give how often each status came."""
    seen: Counter[str] = Counter()
    bad = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        process = channel.stream_stream("/envoy.service.ext_proc.v3.ExternalProcessor/Process")
        for path, raw in messages(count, rng):
            try:
                channel.unary_unary(path)(raw, timeout=20)
                seen["OK"] += 1
            except grpc.RpcError as error:
                seen[error.code().name] += 1
                if error.code() in bad:
                    sys.exit(f"{path} answered {error.code().name} to {raw!r}")
        body = json.dumps(SEEDS[3]).encode()
        message = ext_proc_pb2.ProcessingRequest(
            request_body=ext_proc_pb2.HttpBody(body=body, end_of_stream=True)
        ).SerializeToString()
        for _ in range(count // 10):
            stream = [bytes(_spoilt(bytearray(message), rng)) for _ in range(3)]
            try:
                seen["streams"] += len(list(process(iter(stream), timeout=20))) >= 0
            except grpc.RpcError as error:
                seen[error.code().name] += 1
                if error.code() in bad:
                    sys.exit(f"ext_proc answered {error.code().name} to {stream!r}")
    return seen


def main() -> None:
    """Fuzz, and tell what came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="bodies over HTTP, and messages over gRPC")
    parser.add_argument("--examples", type=int, default=300, help="schemathesis, per operation and phase")
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    arms = str(ROOT / "data" / "arms.toml")
    with tempfile.TemporaryDirectory() as folder:
        journal = f"sqlite:///{folder}/journal.db"
        with thinkgate("--cold-start", "--arms", arms, "--journal", journal) as (http, grpc_port):
            print("HTTP bodies:", dict(sorted(fuzz_http(http, chosen.count, rng).items())), flush=True)
            print("gRPC messages:", dict(fuzz_grpc(grpc_port, chosen.count, rng)), flush=True)
            command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{http}/openapi.json"]
            options = ["--checks", CHECKS, "--max-examples", str(chosen.examples), "--seed", str(chosen.seed)]
            ended = subprocess.run([*command, *options, "--no-color"], cwd=Path(folder), check=False)
            alive = httpx.get(f"http://127.0.0.1:{http}/healthz").status_code == 200
    sys.exit(ended.returncode or (0 if alive else 1))


if __name__ == "__main__":
    main()
