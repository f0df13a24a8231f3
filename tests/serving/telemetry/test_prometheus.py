"""Metrics of running workers: whoever is scraped tells the same truth, and a killed worker takes nothing with it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from serving.auth.api_keys import make_key
from serving.auth.key_file import write_keys
from tests.support.servers import Launch, Running


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
