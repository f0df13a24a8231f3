"""Collectors: statistics of other components are shown unchanged, and no counter decreases with a new worker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.auth.authorizer import Authorizer
from serving.control.controller import StateSnapshot
from serving.journal.settings import JournalStats
from serving.model.slot import EngineSlot, LiveEngine
from serving.service.admission import AdmissionStats
from serving.service.decision_service import DecisionStats
from serving.service.exploration_cap import ExplorationStats
from serving.service.outcome_service import OutcomeStats
from serving.telemetry.collectors import (
    collect_admission,
    collect_auth,
    collect_bundle,
    collect_control,
    collect_decision_service,
    collect_exploration,
    collect_journal,
    collect_process,
)
from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.prometheus import PrometheusExposition
from serving.telemetry.shared_board import SharedBoard
from tests.support.fakes import ARMS, LengthDecider
from tests.support.prometheus_samples import sample_value, samples_of


@pytest.fixture
def registry() -> MetricRegistry:
    return MetricRegistry()


@pytest.fixture
def shown(registry: MetricRegistry) -> PrometheusExposition:
    return PrometheusExposition(registry, SharedBoard())


def test_decisions_for_lack_of_time_are_shown_by_reason(registry: MetricRegistry, shown: PrometheusExposition) -> None:
    stats = AdmissionStats()
    collect_admission(registry, lambda: stats)
    assert sample_value(shown, "thinkgate_out_of_time_total", why="late") == 0.0
    stats = AdmissionStats(late=3, skipped=5, shed=1, waiting=2)
    found = {why: sample_value(shown, "thinkgate_out_of_time_total", why=why) for why in ("late", "still_slow")}
    assert found == {"late": 3.0, "still_slow": 5.0}
    assert sample_value(shown, "thinkgate_out_of_time_total", why="overloaded") == 1.0
    assert sample_value(shown, "thinkgate_waiting_requests") == 2.0


def test_exploration_goes_on_from_a_predecessor() -> None:
    board = SharedBoard()
    for expected in (4.0, 8.0):
        registry = MetricRegistry()
        shown = PrometheusExposition(registry, board)
        collect_exploration(registry, lambda: ExplorationStats(drawn=4, extra_usd=0.5, held_back=2))
        assert sample_value(shown, "thinkgate_exploration_draws_total") == expected
        assert sample_value(shown, "thinkgate_exploration_extra_usd_total") == expected / 8
        assert sample_value(shown, "thinkgate_exploration_held_back_total") == expected / 2


def test_the_journals_rows_are_shown_by_fate_and_its_backlog(
    registry: MetricRegistry, shown: PrometheusExposition
) -> None:
    stats = JournalStats(1, 2, 3, 4, 5, 6, 7, queued=8, spool_bytes=9, lag_s=0.5, healthy=False)
    collect_journal(registry, lambda: stats)
    fates = ("decision_written", "outcome_written", "spooled", "decision_lost", "outcome_refused", "rejected")
    rows = [sample_value(shown, "thinkgate_journal_rows_total", fate=fate) for fate in (*fates, "forgotten")]
    assert rows == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    gauges = ("queued", "spool_bytes", "lag_seconds", "healthy")
    assert [sample_value(shown, f"thinkgate_journal_{name}") for name in gauges] == [8.0, 9.0, 0.5, 0.0]


def test_outcomes_are_new_repeated_or_unknown(registry: MetricRegistry, shown: PrometheusExposition) -> None:
    collect_decision_service(
        registry, lambda: DecisionStats(contained=1), lambda: OutcomeStats(10, repeated=3, unknown=2, contained=4), None
    )
    kinds = ("new", "repeated", "unknown_decision")
    reports = [sample_value(shown, "thinkgate_outcome_reports_total", kind=kind) for kind in kinds]
    assert reports == [7.0, 3.0, 2.0]
    where = [sample_value(shown, "thinkgate_contained_failures_total", where=at) for at in ("decision", "outcome")]
    assert where == [1.0, 4.0]


def test_a_swapped_bundle_replaces_the_old_one(registry: MetricRegistry, shown: PrometheusExposition) -> None:
    first = LiveEngine(LengthDecider(), ARMS, "one", "p", facts={"created": "2026-01-01T00:00:00Z"})
    slot = EngineSlot(first)
    collect_bundle(registry, slot)
    assert sample_value(shown, "thinkgate_bundle_created_timestamp_seconds") == 1767225600.0
    slot.swap(replace(first, bundle_id="two", facts={"created": "not a moment"}))
    bundles = {dict(labels)["bundle_id"] for name, labels in samples_of(shown) if name == "thinkgate_bundle_info"}
    assert bundles == {"two"}
    assert not [name for name, _ in samples_of(shown) if name.startswith("thinkgate_bundle_created")]


def test_refused_calls_are_shown_by_key_id(registry: MetricRegistry, shown: PrometheusExposition) -> None:
    authorizer = Authorizer()
    collect_auth(registry, authorizer)
    authorizer.authorize(None, "admin")
    authorizer.refused["rate-limited", "abcd2345"] += 2
    assert sample_value(shown, "thinkgate_refused_total", why="forbidden", key="none") == 1.0
    assert sample_value(shown, "thinkgate_refused_total", why="rate-limited", key="abcd2345") == 2.0


def test_the_process_shows_its_version_and_a_growing_processor_time(
    registry: MetricRegistry, shown: PrometheusExposition
) -> None:
    collect_process(registry, "1.2.3")
    assert sample_value(shown, "thinkgate_build_info", version="1.2.3") == 1.0
    before = sample_value(shown, "thinkgate_cpu_seconds_total")
    sum(range(3_000_000))
    assert sample_value(shown, "thinkgate_cpu_seconds_total") > before > 0.0
    assert sample_value(shown, "thinkgate_resident_memory_bytes") > 2**20


def test_budgets_and_arms_that_are_gone_are_no_longer_shown(
    registry: MetricRegistry, shown: PrometheusExposition
) -> None:
    state = StateSnapshot()
    state = replace(state, health=replace(state.health, shifts={"maths": {"low": -0.2}, "": {"low": -0.1}}))
    collect_control(registry, lambda: state)
    assert sample_value(shown, "thinkgate_success_shift", arm="low") == -0.2
    state = StateSnapshot()
    assert samples_of(shown) == {}
