"""Dashboard and alert rules name only metrics and labels that a running server really exposes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.decision_clients import grpc_address
from tests.support.servers import ROOT, Running, start_server, stop_server

FOLDER = ROOT / "deploy" / "grafana"
_METRIC = re.compile(r"\bthinkgate_[a-z0-9_]+")
_RECORDED = re.compile(r"\bthinkgate:[a-z0-9_:]+")
_MATCHER = re.compile(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


@dataclass(frozen=True)
class Exposed:
    """What a server shows: names of samples, and the label names of each family's samples."""

    names: frozenset[str]
    labels: frozenset[str]


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exposed]:
    """Everything that a server exposes after decisions, refusals and outcomes."""
    journal = tmp_path_factory.mktemp("journal") / "journal.db"
    policy = journal.with_name("policy.toml")
    policy.write_text("[budget]\nday_usd = 10\n")
    running = start_server("--journal", f"sqlite:///{journal}", "--grpc-port", "0", "--policy", str(policy))
    try:
        yield _exposed(running)
    finally:
        stop_server(running)


def _exposed(running: Running) -> Exposed:
    with httpx.Client(base_url=running.url) as http:
        decision = http.post("/v1/decisions", json={"prompt": "Hi"}).json()
        outcome = {"success": 0.0, "output_tokens": 5, "cost_usd": 0.1, "latency_ms": 10, "retries": 1}
        told = {"decision_id": decision["decision_id"], "failure_mode": "timeout", "arm": decision["arm"], **outcome}
        assert http.post("/v1/outcomes", json=told).status_code == 200
        http.delete("/v1/journal")
        assert http.post("/v1/rewrite", json="no body of a model call").status_code == 422
        with grpc.insecure_channel(grpc_address(running)) as channel:
            for _ in range(2):  # a call is counted when it has ended, which its caller may see first
                with suppress(grpc.RpcError):
                    channel.unary_unary("/thinkgate.v1.DecisionService/Decide")(b"", timeout=10)
        end = time.monotonic() + 20
        while "thinkgate_budget_spent_usd{" not in (body := http.get("/metrics").text):
            assert time.monotonic() < end, "no budget was shown"
            time.sleep(0.2)
    names, labels = set(), {"le"}
    for family in text_string_to_metric_families(body):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
        labels |= {label for sample in family.samples for label in sample.labels}
    return Exposed(frozenset(names), frozenset(labels))


def _rules() -> list[dict[str, Any]]:
    told = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    return [rule for group in told["groups"] for rule in group["rules"]]


def _expressions() -> list[str]:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    shown += [note["expr"] for note in dashboard["annotations"]["list"]]
    return shown + [rule["expr"] for rule in _rules()]


def test_every_metric_exists(exposed: Exposed) -> None:
    used = {name for expression in _expressions() for name in _METRIC.findall(expression)}
    assert len(used) > 25
    assert used <= exposed.names, sorted(used - exposed.names)


def test_every_label_exists(exposed: Exposed) -> None:
    used = set()
    for expression in _expressions():
        used |= set(_MATCHER.findall(expression))
        for group in _GROUPING.findall(expression):
            used |= {label.strip() for label in group.split(",") if label.strip()}
    assert used <= exposed.labels, sorted(used - exposed.labels)


def test_every_metric_is_shown_somewhere(exposed: Exposed) -> None:
    used = {name for expression in _expressions() for name in _METRIC.findall(expression)}
    bare = {re.sub("_(total|bucket|sum|count)$", "", name) for name in used}
    hidden = {re.sub("_(total|bucket|sum|count)$", "", name) for name in exposed.names} - bare
    assert hidden == set()


def test_recorded_series_are_recorded() -> None:
    recorded = {rule["record"] for rule in _rules() if "record" in rule}
    used = {name for rule in _rules() for name in _RECORDED.findall(rule["expr"])}
    assert used <= recorded


def test_alerts_say_what_to_do() -> None:
    alerts = [rule for rule in _rules() if "alert" in rule]
    assert len({rule["alert"] for rule in alerts}) == len(alerts) > 12
    for rule in alerts:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert len(rule["annotations"]["description"]) > 30
        assert rule["annotations"]["summary"]


def test_panels_do_not_overlap() -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells, panel["title"]
        cells |= own


def test_folder_is_complete() -> None:
    assert {path.name for path in Path(FOLDER).iterdir()} == {"alerts.yaml", "dashboard.json"}
