"""What keys, rate limits and metrics add to the time of a decision."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from serving.auth.api_keys import make_key
from serving.auth.authorizer import Authorizer
from serving.auth.key_file import KeyFile, write_keys
from serving.decision.engine import Engine
from serving.decision.prior.model import PriorModel
from serving.decision.types import Arm, Message, Request
from serving.telemetry.decision_metrics import DecisionMetrics
from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.prometheus import PrometheusExposition
from serving.telemetry.shared_board import SharedBoard

ARMS = (Arm("direct", "gpt-5.1"), Arm("reasoning", "gpt-5.1", "high", default_output_tokens=2500.0))
LIBRARY = """
import prometheus_client as p, time
c = p.Counter("a", "a", ["arm", "bucket", "fallback"]).labels("x", "y", "z")
h = p.Histogram("b", "b", ["stage"], buckets=[1e-4 * 2**i for i in range(16)]).labels("s")
for f in (c.inc, lambda: h.observe(0.001)):
    times = []
    for _ in range(20000):
        start = time.perf_counter_ns(); f(); times.append(time.perf_counter_ns() - start)
    print(sorted(times)[len(times) // 2] / 1000)
"""


def measure(call: Callable[[], object], rounds: int = 20_000) -> float:
    """Give the median of single calls in microseconds, the clock's own cost included."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return sorted(times)[rounds // 2] / 1000


def main() -> int:
    """Print the table."""
    decided = Engine(PriorModel(ARMS), arms=ARMS).decide_recorded(Request((Message("user", "What is 17 * 23?"),)))
    request = Request((Message("user", "What is 17 * 23?"),))
    registry = MetricRegistry()
    metrics = DecisionMetrics(registry, lambda: ("direct", "reasoning"))
    exposition = PrometheusExposition(registry, SharedBoard(2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keys.toml"
        free, limited = make_key("free", ["decide"]), make_key("limited", ["decide"], 1e9, 1e9)
        write_keys(path, [free.key, limited.key, *(make_key(str(n), ["decide"]).key for n in range(100))])
        authorizer = Authorizer(KeyFile(path))
        rows = {
            "nothing (the clock)": measure(lambda: None),
            "key checked": measure(lambda: authorizer.authorize(free.token, "decide")),
            "key checked and rate counted": measure(lambda: authorizer.authorize(limited.token, "decide")),
            "keys file looked at, once a second": measure(authorizer.refresh),
            "decision counted": measure(lambda: metrics.decided(request, decided)),
            "stages counted": measure(lambda: metrics.observe_duration(1000, 2000, 3000)),
            "metrics pinned, once a second": measure(exposition.publish, 2000),
            "metrics rendered, once a scrape": measure(exposition.render, 500),
        }
        environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": folder}
        told = subprocess.run([sys.executable, "-c", LIBRARY], env=environment, capture_output=True, text=True)
        counter, histogram = map(float, told.stdout.split())
        rows["prometheus_client, multiprocess mode: one counter"] = counter
        rows["prometheus_client, multiprocess mode: one histogram"] = histogram
    table = Table("what", "p50 us")
    for name, value in rows.items():
        table.add_row(name, f"{value:.2f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
