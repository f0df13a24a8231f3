"""Collectors: statistics of other components are shown unchanged, and none decreases when a worker is replaced."""

from __future__ import annotations

from serving.service.admission import AdmissionControl, QueueLoad
from serving.telemetry.collectors import collect_admission, collect_exploration
from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.prometheus import PrometheusExposition
from serving.telemetry.shared_board import SharedBoard
from tests.serving.service.test_admission import MS, sluggish
from tests.serving.service.test_exploration_cap import Clock, exploring, world
from tests.support.policy_cases import ask
from tests.support.prometheus_samples import sample_value


def _shown(board: SharedBoard) -> tuple[MetricRegistry, PrometheusExposition]:
    registry = MetricRegistry()
    return registry, PrometheusExposition(registry, board)


def test_the_fallbacks_for_want_of_time_are_shown_by_why() -> None:
    guard, model, _ = sluggish()
    registry, shown = _shown(SharedBoard())
    collect_admission(registry, lambda: guard.patience.stats)
    assert sample_value(shown, "thinkgate_out_of_time_total", why="late") == 0.0
    model.ns = 6 * MS
    for _ in range(8):
        guard.decide(ask())
    assert sample_value(shown, "thinkgate_out_of_time_total", why="late") == 3.0
    assert sample_value(shown, "thinkgate_out_of_time_total", why="still_slow") == 5.0
    assert sample_value(shown, "thinkgate_out_of_time_total", why="overloaded") == 0.0


def test_what_waits_and_what_is_shed_is_shown() -> None:
    load = QueueLoad()
    patience = AdmissionControl(max_waiting=2, load=load)
    registry, shown = _shown(SharedBoard())
    collect_admission(registry, lambda: patience.stats)
    load.arrived = 3
    patience.why_not(0)
    assert sample_value(shown, "thinkgate_waiting_requests") == 3.0
    assert sample_value(shown, "thinkgate_out_of_time_total", why="overloaded") == 1.0
    load.begun = 3
    patience.why_not(0)
    assert sample_value(shown, "thinkgate_waiting_requests") == 0.0
    assert sample_value(shown, "thinkgate_out_of_time_total", why="overloaded") == 1.0


def test_what_exploring_costs_is_shown() -> None:
    guard, cap, _, kept = world(exploring(0.02), Clock())
    board = SharedBoard()
    registry, shown = _shown(board)
    collect_exploration(registry, lambda: cap.stats)
    for _ in range(100):
        guard.decide(ask())
    drawn = sum(each.decision.arm != "direct" for each in kept.all)
    assert sample_value(shown, "thinkgate_exploration_draws_total") == drawn > 0
    assert sample_value(shown, "thinkgate_exploration_extra_usd_total") == cap.stats.extra_usd >= 0.02
    held = sum(each.decision.propensity == 1.0 for each in kept.all)
    assert sample_value(shown, "thinkgate_exploration_held_back_total") == held > 0

    shown.publish()
    _, successor, _, _ = world(exploring(0.02), Clock())
    registry, shown = _shown(board)
    collect_exploration(registry, lambda: successor.stats)
    assert sample_value(shown, "thinkgate_exploration_draws_total") == drawn
