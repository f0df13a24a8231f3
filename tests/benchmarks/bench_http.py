"""What a decision over HTTP costs beside echoes of the same stack: `python -m tests.benchmarks.bench_http`.

Every server is a process of its own on the same uvicorn, uvloop and httptools; the client is another one, on one
blocking socket, and takes turns over the servers, so that a slow spell of the machine hits all of them. Load by 32
clients comes from `wrk` where it is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from fastapi import FastAPI

from serving.bootstrap import build_worker
from serving.components import SharedState
from serving.http_api.app import build_api, build_fastapi, decision_routes
from serving.http_api.asgi import App, Receive, Scope, Send, answer_json, read_json_body
from serving.schemas.limits import BodyLimits, RequestLimits
from serving.schemas.models import DecisionRequest
from serving.server.http_server import Readiness, ServerOptions, serve_worker
from serving.server.sockets import open_tcp
from serving.settings import Settings
from tests.support.fakes import LengthDecider, make_service

ROOT = Path(__file__).parents[2]
ARMS = ROOT / "data" / "arms.toml"
KINDS = ("raw ASGI echo", "FastAPI echo", "fixed decision, raw route", "decision, raw route", "decision, FastAPI route")
TEXT = "plan the move of our billing service to three regions with the least risk and say what each step costs"


@dataclass(frozen=True, slots=True)
class Latency:
    """One server, one client."""

    server: str
    requests: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Load:
    """One server, 32 clients, as `wrk` counts."""

    server: str
    per_second: float


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one run; `beyond_echo_ms` is the p50 of a decision less the p50 of the raw echo."""

    model: str
    latencies: tuple[Latency, ...]
    loads: tuple[Load, ...]
    beyond_echo_ms: float


def body(words: int = 128) -> bytes:
    """Give a request of about `words` tokens."""
    told = TEXT.split()
    text = " ".join(told[place % len(told)] for place in range(words))
    return orjson.dumps({"messages": [{"role": "user", "content": text}], "tenant": "acme"})


def measure(bundle: Path | None, requests: int, rounds: int, seconds: int) -> Report:
    """Measure all servers in turns.

    Parameters
    ----------
    bundle
        What decides; the prior where None.
    requests, rounds
        Requests per server and round.
    seconds
        Of load per server; 0 leaves the load out.
    """
    payload = body()
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    loads = []
    with ExitStack() as stack:
        ports = {kind: stack.enter_context(_server(kind, bundle)) for kind in KINDS}
        for kind in KINDS:
            _time(ports[kind], payload, 300)
        for _ in range(rounds):
            for kind in KINDS:
                times[kind] += _time(ports[kind], payload, requests)
        if seconds and shutil.which("wrk"):
            loads = [Load(kind, _wrk(ports[kind], payload, seconds)) for kind in KINDS]
    latencies = tuple(_latency(kind, times[kind]) for kind in KINDS)
    by_kind = {latency.server: latency.p50_ms for latency in latencies}
    beyond = by_kind["decision, raw route"] - by_kind["raw ASGI echo"]
    return Report("prior (cold start)" if bundle is None else str(bundle), latencies, tuple(loads), beyond)


def serve(kind: str, bundle: Path | None) -> None:
    """Serve one kind on a free port, and print the port."""
    with open_tcp("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        serve_worker(_app(kind, bundle), [listener], ServerOptions(), Readiness(), lambda: print(port, flush=True))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body, read and sent as the decision routes do it."""
    await answer_json(send, bytes(await read_json_body(scope, receive, BodyLimits())))


def _app(kind: str, bundle: Path | None) -> App:
    if kind == "raw ASGI echo":
        return echo
    if kind == "FastAPI echo":
        app = FastAPI()

        @app.post("/v1/decisions")
        async def answer(request: DecisionRequest) -> DecisionRequest:
            return request

        return app
    if kind == "fixed decision, raw route":
        return build_api(make_service(LengthDecider()), RequestLimits(), lambda: True, "0")
    settings = Settings(journal="none", bundle=bundle, cold_start=bundle is None, arms=ARMS if bundle is None else None)
    components = build_worker(settings, SharedState())
    if kind == "decision, FastAPI route":
        routes = decision_routes(components.decision_service, components.limits)
        return build_fastapi(components.decision_service, routes, lambda: True, "0")
    return build_api(components.decision_service, components.limits, lambda: True, "0")


@contextmanager
def _server(kind: str, bundle: Path | None) -> Iterator[int]:
    command = [sys.executable, "-m", "tests.benchmarks.bench_http", "--serve", kind]
    command += ["--bundle", str(bundle)] if bundle else []
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(20)


def _time(port: int, payload: bytes, count: int) -> list[float]:
    """Time `count` requests on one connection, in milliseconds."""
    head = (
        "POST /v1/decisions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        f"content-length: {len(payload)}\r\n\r\n"
    )
    message = head.encode() + payload
    taken = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            start = time.perf_counter()
            connection.sendall(message)
            answer = _receive(connection)
            taken.append((time.perf_counter() - start) * 1000)
            assert answer.startswith(b"HTTP/1.1 200"), answer
    return taken


def _receive(connection: socket.socket) -> bytes:
    answer = connection.recv(65536)
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    end = answer.index(b"\r\n\r\n") + 4
    start = answer.index(b"content-length: ") + 16
    length = int(answer[start : answer.index(b"\r\n", start)])
    while len(answer) < end + length:
        answer += connection.recv(65536)
    return answer


def _wrk(port: int, payload: bytes, seconds: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(
            f'wrk.method = "POST"\nwrk.body = {json.dumps(payload.decode())}\n'
            'wrk.headers["content-type"] = "application/json"\n'
        )
        command = ["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}/v1/decisions"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in shown, shown
    found = re.search(r"Requests/sec:\s+([\d.]+)", shown)
    assert found, shown
    return float(found[1])


def _latency(kind: str, taken: Sequence[float]) -> Latency:
    return Latency(kind, len(taken), statistics.median(taken), statistics.quantiles(taken, n=100)[98])


def _show(report: Report) -> None:
    print(f"model: {report.model}; {len(os.sched_getaffinity(0))} cores; one worker, one client, 128 tokens")
    for latency in report.latencies:
        print(f"  {latency.server:<26} p50 {latency.p50_ms:.3f} ms   p99 {latency.p99_ms:.3f} ms")
    print(f"  {'decision less raw echo':<26} p50 {report.beyond_echo_ms:.3f} ms")
    echo_rate = report.loads[0].per_second if report.loads else 0.0
    for load in report.loads:
        print(
            f"  {load.server:<26} {load.per_second:8.0f} /s at 32 clients ({load.per_second / echo_rate:.0%} of echo)"
        )


def main() -> None:
    """Serve one kind, or measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, help="what decides; prior knowledge where it is left out")
    parser.add_argument("--requests", type=int, default=1000, help="per server and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of load per server; 0 leaves it out")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve, chosen.bundle)
        return
    report = measure(chosen.bundle, chosen.requests, chosen.rounds, chosen.seconds)
    _show(report)
    if chosen.json:
        chosen.json.write_text(json.dumps(asdict(report), indent=2) + "\n")


if __name__ == "__main__":
    main()
