"""Probes: what patience and exploration count is shown as it is, and none of it falls when a worker is replaced."""

from __future__ import annotations

from serving.service.admission import Load, Patience
from serving.telemetry.collectors import watch_exploration, watch_patience
from serving.telemetry.instruments import Ledger
from serving.telemetry.prometheus import Exposition
from serving.telemetry.shared_board import Board
from tests.serving.service.test_admission import MS, sluggish
from tests.serving.service.test_exploration_cap import Clock, exploring, world
from tests.serving.telemetry.test_instruments import _value
from tests.support.policy_cases import ask


def _shown(board: Board) -> tuple[Ledger, Exposition]:
    ledger = Ledger()
    return ledger, Exposition(ledger, board)


def test_the_fallbacks_for_want_of_time_are_shown_by_why() -> None:
    guard, model, _ = sluggish()
    ledger, shown = _shown(Board())
    watch_patience(ledger, lambda: guard.patience.stats)
    assert _value(shown, "thinkgate_out_of_time_total", why="late") == 0.0
    model.ns = 6 * MS
    for _ in range(8):
        guard.decide(ask())
    assert _value(shown, "thinkgate_out_of_time_total", why="late") == 3.0
    assert _value(shown, "thinkgate_out_of_time_total", why="still_slow") == 5.0
    assert _value(shown, "thinkgate_out_of_time_total", why="overloaded") == 0.0


def test_what_waits_and_what_is_shed_is_shown() -> None:
    load = Load()
    patience = Patience(max_waiting=2, load=load)
    ledger, shown = _shown(Board())
    watch_patience(ledger, lambda: patience.stats)
    load.arrived = 3
    patience.why_not(0)
    assert _value(shown, "thinkgate_waiting_requests") == 3.0
    assert _value(shown, "thinkgate_out_of_time_total", why="overloaded") == 1.0
    load.begun = 3
    patience.why_not(0)
    assert _value(shown, "thinkgate_waiting_requests") == 0.0
    assert _value(shown, "thinkgate_out_of_time_total", why="overloaded") == 1.0


def test_what_exploring_costs_is_shown() -> None:
    guard, cap, _, kept = world(exploring(0.02), Clock())
    board = Board()
    ledger, shown = _shown(board)
    watch_exploration(ledger, lambda: cap.stats)
    for _ in range(100):
        guard.decide(ask())
    drawn = sum(each.decision.arm != "direct" for each in kept.all)
    assert _value(shown, "thinkgate_exploration_draws_total") == drawn > 0
    assert _value(shown, "thinkgate_exploration_extra_usd_total") == cap.stats.extra_usd >= 0.02
    held = sum(each.decision.propensity == 1.0 for each in kept.all)
    assert _value(shown, "thinkgate_exploration_held_back_total") == held > 0

    shown.publish()
    _, successor, _, _ = world(exploring(0.02), Clock())
    ledger, shown = _shown(board)
    watch_exploration(ledger, lambda: successor.stats)
    assert _value(shown, "thinkgate_exploration_draws_total") == drawn
