"""State that the workers share: made before the fork, seen by every process after it."""

from __future__ import annotations

import os
from collections.abc import Callable

from serving.components import SharedState
from serving.control.sessions import LastTurn, arm_key
from serving.telemetry.shared_board import SharedBoard


def in_child(act: Callable[[], object]) -> None:
    """Run in a forked process, as a worker does."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def test_a_rollback_in_one_worker_is_seen_by_the_others() -> None:
    shared = SharedState()
    in_child(lambda: shared.rollback_board.post("good", "bad"))
    notice = shared.rollback_board.read()
    assert (notice.number, notice.chosen, notice.left) == (1, "good", "bad")


def test_calls_at_one_worker_count_against_the_rate_at_the_others() -> None:
    shared = SharedState()
    in_child(lambda: shared.rates.charge(7, 5.0, 100.0))
    assert shared.rates.delay_s(7, 1.0, 100.0) == 4.0
    assert shared.rates.delay_s(8, 1.0, 100.0) == 0.0


def test_a_session_that_one_worker_served_is_known_to_the_others() -> None:
    shared = SharedState()
    turn = LastTurn(arm_key("reasoning"), "high", 120, 1.7e9)
    in_child(lambda: shared.sessions.keep("acme", "s1", turn))
    assert shared.sessions.find("acme", "s1") == turn
    assert shared.sessions.find("other", "s1") is None


def test_each_worker_publishes_metrics_in_its_own_slot() -> None:
    shared = SharedState(board=SharedBoard(2))
    in_child(lambda: shared.board.publish(1, b"page"))
    assert (shared.board.read(0), shared.board.read(1)) == (b"", b"page")


def test_two_servers_share_nothing() -> None:
    first, second = SharedState(), SharedState()
    first.rollback_board.post("good", "bad")
    first.rates.charge(0, 5.0, 100.0)
    assert second.rollback_board.read().number == 0
    assert second.rates.delay_s(0, 0.0, 100.0) == 0.0
