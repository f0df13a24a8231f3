"""Metrics: several workers give one truth, no counter ever falls, and no caller chooses a label."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from serving.decision.engine import Engine
from serving.decision.prior.model import PriorModel
from serving.decision.types import Message, Request
from serving.journal.rows import DecisionRow, OutcomeRow
from serving.telemetry.decision_metrics import DecisionMetrics
from serving.telemetry.instruments import MAX_SERIES, Counter, MetricRegistry, sum_samples
from serving.telemetry.prometheus import PrometheusExposition
from serving.telemetry.shared_board import HALF_BYTES, SharedBoard
from tests.support.fakes import ARMS

NAMES = ("direct", "reasoning")
REQUEST = Request((Message("user", "What is 17 * 23?"),))


def _samples(exposition: PrometheusExposition) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
    body, media_type = exposition.render()
    assert media_type.startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def _value(exposition: PrometheusExposition, name: str, **labels: str) -> float:
    return _samples(exposition)[name, frozenset(labels.items())]


def _worker(board: SharedBoard, place: int) -> tuple[MetricRegistry, PrometheusExposition]:
    registry = MetricRegistry()
    registry.counter("hits", "Hits.", ("arm",))
    registry.gauge("lag", "Lag.", aggregation="max")
    registry.histogram("took", "Took.", (), (0.1, 1.0))
    return registry, PrometheusExposition(registry, board, place)


def test_workers_add_up_and_outlive_their_death() -> None:
    board = SharedBoard(2)
    for place, hits in ((0, 3), (1, 4)):
        pid = os.fork()
        if pid == 0:
            registry, exposition = _worker(board, place)
            _count(registry, hits, lag=float(hits))
            exposition.publish()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    registry, again = _worker(board, 1)
    _count(registry, 10, lag=0.5)
    assert _value(again, "hits_total", arm="a") == 17.0
    assert _value(again, "lag") == 3.0
    assert _value(again, "took_count") == 17.0
    assert _value(again, "took_bucket", le="1.0") == 17.0
    assert _value(again, "took_bucket", le="0.1") == 0.0
    assert _value(again, "took_sum") == pytest.approx(8.5)
    # A predecessor's counts are counted on from, once.
    assert _value(again, "hits_total", arm="a") == 17.0
    _, third = _worker(board, 1)
    assert _value(third, "hits_total", arm="a") == 17.0


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
    workers = [_worker(board, place) for place in range(3)]
    seen = counted = 0.0
    for place, step in steps:
        registry, exposition = workers[place]
        if step == "w":
            registry._series["hits"].add(("a",))  # type: ignore[union-attr]
            counted += 1
        elif step == "s":
            shown = _samples(exposition).get(("hits_total", frozenset({("arm", "a")})), 0.0)
            assert seen <= shown <= counted
            seen = shown
        else:
            exposition.publish()
            workers[place] = _worker(board, place)
    for _, exposition in workers:
        exposition.publish()
    assert _samples(workers[0][1]).get(("hits_total", frozenset({("arm", "a")})), 0.0) == counted


def test_a_torn_page_is_not_read() -> None:
    board = SharedBoard(1)
    assert board.read(0) == b""
    assert board.publish(0, b"first")
    assert board.publish(0, b"second")
    assert board.read(0) == b"second"
    half = board._memory[0]
    start = board._start(0, 1 - half)
    board._memory[start : start + 20] = b"\xff" * 20
    assert board.read(0) == b"second"
    board._memory[board._start(0, half) + 9] ^= 0xFF
    assert board.read(0) == b""
    assert not board.publish(0, bytes(HALF_BYTES))
    assert board.publish(0, b"third")
    assert board.read(0) == b"third"


def test_label_values_are_bounded() -> None:
    counter = Counter()
    for number in range(MAX_SERIES + 100):
        counter.add((str(number),))
    counter.add(("0",))
    assert (len(counter.values), counter.values["0",]) == (MAX_SERIES, 2.0)


def test_two_metrics_of_one_name_are_refused() -> None:
    registry = MetricRegistry()
    registry.counter("a", "A.")
    with pytest.raises(ValueError, match="called a"):
        registry.gauge("a", "A.")


def test_unknown_families_of_an_older_worker_are_left_out() -> None:
    registry, _ = _worker(SharedBoard(1), 0)
    assert sum_samples(registry.families, [{"gone": [[[], 1.0]], "hits": [[["a"], 1.0]]}]) == {"hits": [[["a"], 1.0]]}


@pytest.fixture
def metrics() -> tuple[DecisionMetrics, PrometheusExposition]:
    registry = MetricRegistry()
    return DecisionMetrics(registry, lambda: NAMES), PrometheusExposition(registry, SharedBoard(1))


def test_decisions_are_counted_as_they_were_made(metrics: tuple[DecisionMetrics, PrometheusExposition]) -> None:
    recorder, exposition = metrics
    engine = Engine(PriorModel(ARMS), arms=ARMS)
    made = [engine.decide_recorded(Request((Message("user", f"What is {n} * 3?"),))) for n in range(7)]
    for decided in made:
        recorder.decided(REQUEST, decided)
        recorder.observe_duration(100_000, 200_000, 3_000)
    decisions = [decided.decision for decided in made]
    found = _samples(exposition)
    assert sum(value for (name, _), value in found.items() if name == "thinkgate_decisions_total") == 7
    cost = sum(decision.estimates[decision.arm].cost_usd for decision in decisions)
    shown = sum(value for (name, _), value in found.items() if name == "thinkgate_expected_cost_usd_total")
    assert shown == pytest.approx(cost)
    for arm in NAMES:
        whole = sum(decision.estimates[arm].cost_usd for decision in decisions)
        assert _value(exposition, "thinkgate_alternative_cost_usd_total", arm=arm) == pytest.approx(whole)
    assert _value(exposition, "thinkgate_stage_seconds_count", stage="engine") == 7
    parts = [_value(exposition, "thinkgate_stage_seconds_sum", stage=stage) for stage in ("forecast", "policy")]
    assert min(parts) >= 0.0
    assert sum(parts) == pytest.approx(_value(exposition, "thinkgate_stage_seconds_sum", stage="engine"))
    assert _value(exposition, "thinkgate_stage_seconds_sum", stage="decide") == pytest.approx(7 * 200e-6)
    assert _value(exposition, "thinkgate_stage_seconds_bucket", stage="read", le="0.0001") == 7


def _row(arm: str = "reasoning") -> DecisionRow:
    rng = random.Random(7)
    return DecisionRow(
        "d", 1.0, arm, "m", "high", "use", 1.0, "p", "b", 0.9, rng.random(), 0.02, 2000.0, 9000.0, 100
    )  # fmt: skip


def test_outcomes_stand_beside_what_was_expected(metrics: tuple[DecisionMetrics, PrometheusExposition]) -> None:
    recorder, exposition = metrics
    told = OutcomeRow("d", 2.0, 1.0, 100, 50, 3000, 2500, 0.03, None, 4000.0, 1, "token_bloat")
    recorder.reported(told, _row())
    recorder.reported(OutcomeRow("d", 3.0, success=0.0), None)
    assert _value(exposition, "thinkgate_outcomes_total", arm="reasoning", result="success") == 1
    assert _value(exposition, "thinkgate_outcomes_total", arm="other", result="failure") == 1
    assert _value(exposition, "thinkgate_realised_tokens_total", arm="reasoning", kind="reasoning") == 2500
    assert _value(exposition, "thinkgate_realised_cost_usd_total", arm="reasoning") == 0.03
    for side, tokens in (("expected", 2000.0), ("realised", 3000.0)):
        labels = {"arm": "reasoning", "quantity": "output_tokens", "side": side}
        assert _value(exposition, "thinkgate_matched_total", **labels) == tokens
    assert _value(exposition, "thinkgate_failures_total", arm="reasoning", failure_mode="token_bloat") == 1
    assert _value(exposition, "thinkgate_call_seconds_bucket", arm="reasoning", le="4.0") == 1


def test_reporters_choose_no_labels(metrics: tuple[DecisionMetrics, PrometheusExposition]) -> None:
    recorder, exposition = metrics
    recorder.reported(OutcomeRow("d", 2.0, success=1.0, arm="CANARY", failure_mode="CANARY"), None)
    recorder.reported(OutcomeRow("d", 2.0, success=1.0, arm="CANARY"), _row())
    recorder.reported(OutcomeRow("d", 2.0, success=1.0, arm="direct"), None)
    body, _ = exposition.render()
    assert b"CANARY" not in body
    assert _value(exposition, "thinkgate_outcomes_total", arm="other", result="success") == 2
    assert _value(exposition, "thinkgate_outcomes_total", arm="direct", result="success") == 1


def test_openmetrics_where_it_is_asked_for(metrics: tuple[DecisionMetrics, PrometheusExposition]) -> None:
    body, media_type = metrics[1].render("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
