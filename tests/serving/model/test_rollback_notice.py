"""Notices of a rollback reach processes that were forked before it."""

from __future__ import annotations

import os

from serving.model.rollback_notice import RollbackBoard, RollbackNotice


def test_before_the_first_there_is_number_zero() -> None:
    assert RollbackBoard().read() == RollbackNotice(0, "", "")


def test_the_newest_counts() -> None:
    board = RollbackBoard()
    assert board.post("b1", "b2") == RollbackNotice(1, "b1", "b2")
    assert board.post("b2", "b1") == board.read() == RollbackNotice(2, "b2", "b1")


def test_a_forked_process_is_read_by_its_parent() -> None:
    board = RollbackBoard()
    child = os.fork()
    if child == 0:
        board.post("a" * 64, "b" * 64)
        os._exit(0)
    os.waitpid(child, 0)
    assert board.read() == RollbackNotice(1, "a" * 64, "b" * 64)


def test_ids_that_are_too_long_are_cut_and_never_spill_over() -> None:
    board = RollbackBoard()
    board.post("x" * 200, "y")
    assert board.read() == RollbackNotice(1, "x" * 64, "y")
