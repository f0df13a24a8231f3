"""Exposition: every worker shows the same sums, no counter ever falls, and a killed worker loses nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from serving.auth.api_keys import make_key
from serving.auth.key_file import write_keys
from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.prometheus import PrometheusExposition
from serving.telemetry.shared_board import SharedBoard
from tests.support.prometheus_samples import sample_value, samples_of
from tests.support.servers import Launch, Running


def _worker(board: SharedBoard, slot: int) -> tuple[MetricRegistry, PrometheusExposition]:
    registry = MetricRegistry()
    registry.counter("hits", "Hits.", ("arm",))
    registry.gauge("lag", "Lag.", aggregation="max")
    registry.histogram("took", "Took.", (), (0.1, 1.0))
    return registry, PrometheusExposition(registry, board, slot)


def test_workers_add_up_and_outlive_their_death() -> None:
    board = SharedBoard(2)
    for slot, hits in ((0, 3), (1, 4)):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                registry, exposition = _worker(board, slot)
                _count(registry, hits, lag=float(hits))
                exposition.publish()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
    registry, again = _worker(board, 1)
    _count(registry, 10, lag=0.5)
    assert sample_value(again, "hits_total", arm="a") == 17.0
    assert sample_value(again, "lag") == 3.0
    assert sample_value(again, "took_count") == 17.0
    assert sample_value(again, "took_bucket", le="1.0") == 17.0
    assert sample_value(again, "took_bucket", le="0.1") == 0.0
    assert sample_value(again, "took_sum") == pytest.approx(8.5)
    # A predecessor's counts are counted on from, once.
    assert sample_value(again, "hits_total", arm="a") == 17.0
    _, third = _worker(board, 1)
    assert sample_value(third, "hits_total", arm="a") == 17.0


def _count(registry: MetricRegistry, hits: int, lag: float) -> None:
    series = registry._series
    for _ in range(hits):
        series["hits"].add(("a",))  # type: ignore[union-attr]
        series["took"].observe(0.5)  # type: ignore[union-attr]
    series["lag"].set(lag)  # type: ignore[union-attr]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("wsd")), max_size=60))
def test_a_counter_never_falls_whoever_is_asked(steps: list[tuple[int, str]]) -> None:
    """`w`: a worker counts; `s`: it is scraped; `d`: it dies after its last word and is started again."""
    board = SharedBoard(3)
    workers = [_worker(board, slot) for slot in range(3)]
    seen = counted = 0.0
    for slot, step in steps:
        registry, exposition = workers[slot]
        if step == "w":
            registry._series["hits"].add(("a",))  # type: ignore[union-attr]
            counted += 1
        elif step == "s":
            shown = samples_of(exposition).get(("hits_total", frozenset({("arm", "a")})), 0.0)
            assert seen <= shown <= counted
            seen = shown
        else:
            exposition.publish()
            workers[slot] = _worker(board, slot)
    for _, exposition in workers:
        exposition.publish()
    assert samples_of(workers[0][1]).get(("hits_total", frozenset({("arm", "a")})), 0.0) == counted


def test_openmetrics_where_it_is_asked_for() -> None:
    registry, exposition = _worker(SharedBoard(), 0)
    _count(registry, 1, lag=0.5)
    body, media_type = exposition.render("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert b'hits_total{arm="a"} 1.0' in body


def _scrape(running: Running, key: str) -> dict[str, float]:
    """Give the sum of each family's plain samples, over a connection of its own."""
    answer = httpx.get(running.url + "/metrics", headers={"x-api-key": key})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def test_workers_tell_one_truth_and_death_takes_nothing(launch: Launch, tmp_path: Path) -> None:
    gateway, prometheus = make_key("gateway", ["decide", "report"]), make_key("prometheus", ["metrics"])
    path = tmp_path / "keys.toml"
    write_keys(path, [gateway.key, prometheus.key])
    running = launch("--keys", str(path), "--workers", "2", "--journal", f"sqlite:///{tmp_path / 'journal.db'}")
    header = {"x-api-key": gateway.token}
    assert httpx.get(running.url + "/metrics", headers=header).status_code == 403
    ids = [
        httpx.post(running.url + "/v1/decisions", json={"prompt": "Hi"}, headers=header).json()["decision_id"]
        for _ in range(30)
    ]
    reports = [{"decision_id": decision_id, "success": 1.0, "cost_usd": 0.5} for decision_id in ids]
    for report in reports:
        assert httpx.post(running.url + "/v1/outcomes", json=report, headers=header).status_code == 200
    name, cost = "thinkgate_decisions_total", "thinkgate_realised_cost_usd_total"
    _until(lambda: _scrape(running, prometheus.token)[name] == 30 and _scrape(running, prometheus.token)[cost] == 15)
    shown = [_scrape(running, prometheus.token) for _ in range(12)]
    for scrape in shown:
        assert (scrape[name], scrape["thinkgate_workers"], scrape["thinkgate_build_info"]) == (30.0, 2.0, 1.0)
        assert scrape["thinkgate_outcomes_total"] == 30.0
        assert scrape["thinkgate_stage_seconds_count"] == 6 * 30.0
    time.sleep(3.0)  # longer than a worker keeps its counts to itself
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    seen = 0.0
    for _ in range(20):
        try:
            scrape = _scrape(running, prometheus.token)
        except httpx.TransportError:
            continue
        assert scrape[name] == 30.0
        seen += 1
        time.sleep(0.1)
    assert seen
    httpx.post(running.url + "/v1/decisions", json={"prompt": "Hi"}, headers=header)
    _until(lambda: all(_scrape(running, prometheus.token)[name] == 31.0 for _ in range(6)))
    assert running.end() == 0


def _until(condition: object) -> None:
    end = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)
