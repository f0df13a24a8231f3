"""What a decision costs over HTTP, gRPC and through Envoy, beside echoes of the same stack.

All servers run at once on one processor, each a process of its own; the client runs on another and takes turns over
them, so that a slow spell of the machine hits all of them. A figure means something on a machine that does nothing
else.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
import numpy as np
import orjson
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from serving.decision.bundle.loader import load_bundle
from serving.decision.features.model_inputs import encode_batch
from serving.decision.types import Request
from serving.proto.thinkgate.v1 import decision_pb2 as pb
from tests.benchmarks.run_speed import bench_bundle, known_requests, unknown_request
from tests.benchmarks.serving_clients import GrpcCaller, HttpCaller, message, paced, saturate
from tests.benchmarks.serving_peers import ROOT, peer, thinkgate
from tests.support.envoy_proxy import CONFIG, start_envoy, with_ports
from tests.support.servers import free_ports

DECIDE = "/v1/decisions"
CHAT = "/v1/chat/completions"
_RATE = "decisions at 32 clients, one worker"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Parameters
    ----------
    target
        In words, empty where none was set.
    met
        None where no target was set.
    """

    what: str
    value: float
    unit: str
    target: str = ""
    met: bool | None = None


class Caller(Protocol):
    """Sends the same request again and again."""

    def time(self, count: int) -> list[float]:
        """Give the milliseconds of `count` calls."""
        ...


@dataclass(frozen=True, slots=True)
class Scale:
    """How long to measure: calls per server and turn, turns, seconds per load."""

    calls: int
    turns: int
    seconds: int


def measure(bundle: Path, scale: Scale) -> list[Figure]:
    """Measure everything that the issue's table asks of serving."""
    figures: list[Figure] = []
    known = known_requests(load_bundle(bundle), 1)[0]
    body, strange = _body(known), _body(unknown_request(128, 7))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        told = ("--bundle", str(bundle))
        # Two of each, as a process differs from the next by more than the journal costs.
        (http, grpc), (other, _) = (stack.enter_context(thinkgate(*told, "--journal", "none")) for _ in range(2))
        (journal, processor), (other_journal, _) = (
            stack.enter_context(thinkgate(*told, "--journal", f"sqlite:///{folder}/{name}.db")) for name in "ab"
        )
        echo = stack.enter_context(peer("http"))
        grpc_echo = stack.enter_context(peer("grpc"))
        upstream = stack.enter_context(peer("upstream"))
        through = {
            name: stack.enter_context(_envoy(folder / name, port, upstream))
            for name, port in (("echo", grpc_echo), ("thinkgate", grpc), ("journal", processor))
        }
        # Servers on the first processor, callers on the last: on one, each would wait for the other's time slice.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        request = pb.DecideRequest(
            messages=[pb.Message(role=each.role, text=each.text) for each in known.messages], model="gpt-5.1"
        ).SerializeToString()
        decide, chat = message(DECIDE, body), message(CHAT, body)
        p50 = _in_turns(
            {
                "HTTP decision": HttpCaller(http, decide),
                "HTTP echo": HttpCaller(echo, decide),
                "HTTP decision, request unlike any history": HttpCaller(http, message(DECIDE, strange)),
                "HTTP decision, journal on": HttpCaller(journal, decide),
                "HTTP decision, second server": HttpCaller(other, decide),
                "HTTP decision, journal on, second server": HttpCaller(other_journal, decide),
                "gRPC decision": GrpcCaller(grpc, "/thinkgate.v1.DecisionService/Decide", request),
                "gRPC echo": GrpcCaller(grpc_echo, "/echo/Echo", request),
                "Envoy, echo ext_proc": HttpCaller(through["echo"], chat),
                "Envoy, thinkgate, replies not read": HttpCaller(through["thinkgate"], chat),
                "Envoy, thinkgate, journal on": HttpCaller(through["journal"], chat),
            },
            scale,
        )
        figures += [Figure(f"{name}, p50, 1 client", value, "ms") for name, value in p50.items()]
        figures += _differences(p50)
        figures += _load(http, echo, body, scale)
    rate = next(figure.value for figure in figures if figure.what == _RATE)
    figures += _batching(bundle, known, rate)
    return figures


def _differences(p50: Mapping[str, float]) -> Iterator[Figure]:
    for what, one, other, most in (
        ("HTTP decision beyond echo", "HTTP decision", "HTTP echo", 0.25),
        ("gRPC decision beyond echo", "gRPC decision", "gRPC echo", 0.25),
        ("through Envoy beyond an echo ext_proc", "Envoy, thinkgate, journal on", "Envoy, echo ext_proc", 0.4),
    ):
        beyond = p50[one] - p50[other]
        yield Figure(what, beyond, "ms", f"<= {most}", beyond <= most)
    on = p50["HTTP decision, journal on"] + p50["HTTP decision, journal on, second server"]
    share = on / (p50["HTTP decision"] + p50["HTTP decision, second server"]) - 1.0
    yield Figure("journal on: cost to the p50", share * 100, "%", "<= 5", share <= 0.05)


def _load(http: int, echo: int, body: bytes, scale: Scale) -> Iterator[Figure]:
    before = _counts(http)
    rate, echo_rate = (saturate(port, DECIDE, body, scale.seconds) for port in (http, echo))
    share = rate / echo_rate
    yield Figure("echo at 32 clients, one worker", echo_rate, "/s")
    yield Figure(_RATE, rate, "/s")
    yield Figure("decisions, share of echo", share * 100, "%", ">= 15", share >= 0.15)
    yield Figure("made by the model at 32 clients", _covered(before, _counts(http)), "%")
    before = _counts(http)
    p50, p99 = _quantiles(paced(http, DECIDE, body, rate / 2, scale.seconds))
    yield Figure("p50 at half of saturation", p50, "ms")
    yield Figure("p99 at half of saturation", p99, "ms")
    yield Figure("p99 over p50 at half of saturation", p99 / p50, "times", "<= 5", p99 <= 5 * p50)
    yield Figure("made by the model at half of saturation", _covered(before, _counts(http)), "%")
    p50, p99 = _quantiles(paced(echo, DECIDE, body, rate / 2, scale.seconds))
    yield Figure("p99 over p50 of the echo at that rate", p99 / p50, "times")


def _quantiles(taken: NDArray[np.float64]) -> tuple[float, float]:
    p50, p99 = np.quantile(taken, [0.5, 0.99])
    return float(p50), float(p99)


def _counts(port: int) -> tuple[int, int]:
    told = httpx.get(f"http://127.0.0.1:{port}/v1/model").json()
    return told["decisions"], told["fallbacks"]


def _covered(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Give the share of decisions that the model made, in percent: a server that falls back looks fast."""
    return 100.0 * (1.0 - (after[1] - before[1]) / max(1, after[0] - before[0]))


def _batching(bundle: Path, one: Request, rate: float) -> Iterator[Figure]:
    """What could be gained by asking the graph for several requests at once.

    The gain is an upper bound: as if requests came together by themselves, at no cost and without waiting.
    """
    alone = 0.0
    model = load_bundle(bundle)
    limits = model.manifest.encoder.limits
    for size in (1, 2, 4, 8, 16):
        inputs = encode_batch([one] * size, model.tokenizer, limits)
        taken = _repeat(lambda inputs=inputs: model.predict(inputs), 2000 // size)  # type: ignore[misc]
        alone = alone or taken
        yield Figure(f"graph alone, per request in a batch of {size}", taken / size, "ms")
        if size > 1:
            faster = 1000.0 / (1000.0 / rate - (alone - taken / size)) / rate - 1.0
            yield Figure(f"most that batches of {size} could add at saturation", faster * 100, "%")


def _repeat(run: Callable[[], object], count: int) -> float:
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        run()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def _body(request: Request) -> bytes:
    turns = [{"role": turn.role, "content": turn.text} for turn in request.messages]
    return orjson.dumps({"messages": turns, "model": "gpt-5.1"})


def _in_turns(callers: Mapping[str, Caller], scale: Scale) -> dict[str, float]:
    for caller in callers.values():
        caller.time(300)
    taken: dict[str, list[float]] = {name: [] for name in callers}
    for _ in range(scale.turns):
        for name, caller in callers.items():
            taken[name] += caller.time(scale.calls)
    return {name: statistics.median(times) for name, times in taken.items()}


@contextmanager
def _envoy(folder: Path, processor: int, upstream: int) -> Iterator[int]:
    folder.mkdir()
    listener, admin = free_ports(2)
    ports = {10000: listener, 9090: processor, 8000: upstream, 8001: upstream, 9901: admin}
    process = start_envoy(with_ports(CONFIG.read_text(), ports), folder, admin)
    try:
        yield listener
    finally:
        process.terminate()
        process.wait(30)


def show(figures: Sequence[Figure], bundle: Path) -> None:
    """Print the table."""
    table = Table(title=f"Serving: 128 tokens, {os.cpu_count()} cores, bundle {bundle}")
    for column in ("figure", "value", "target", "verdict"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for figure in figures:
        digits = 0 if figure.unit == "/s" else 1 if figure.unit in ("%", "times") else 3
        verdict = "" if figure.met is None else "met" if figure.met else "MISSED"
        table.add_row(figure.what, f"{figure.value:.{digits}f} {figure.unit}", figure.target, verdict)
    Console(width=110).print(table)


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, help="what decides; default: a bundle of its own, trained once")
    parser.add_argument("--calls", type=int, default=500, help="per server and turn")
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=6, help="of each load")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    chosen = parser.parse_args()
    bundle: Path = (chosen.bundle or bench_bundle()[0]).resolve()
    figures = measure(bundle, Scale(chosen.calls, chosen.turns, chosen.seconds))
    shown = bundle.relative_to(ROOT) if bundle.is_relative_to(ROOT) else Path(bundle.name)
    show(figures, shown)
    if chosen.json:
        chosen.json.write_text(json.dumps([dataclasses.asdict(figure) for figure in figures], indent=2) + "\n")


if __name__ == "__main__":
    main()
