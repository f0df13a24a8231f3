"""Shared board: a page is read whole or not at all, across processes and after a writer's death."""

from __future__ import annotations

import os

from serving.telemetry.shared_board import HALF_BYTES, SharedBoard


def test_a_slot_is_empty_until_something_is_published() -> None:
    board = SharedBoard(2)
    assert board.publish(1, b"page")
    assert (board.read(0), board.read(1)) == (b"", b"page")


def test_the_newest_page_replaces_the_older_one_even_where_it_is_shorter() -> None:
    board = SharedBoard()
    for page in (b"a long first page", b"short", b""):
        assert board.publish(0, page)
        assert board.read(0) == page


def test_a_page_that_is_too_large_leaves_the_old_one() -> None:
    board = SharedBoard()
    assert board.publish(0, b"old")
    assert not board.publish(0, bytes(HALF_BYTES))
    assert board.read(0) == b"old"


def test_the_largest_page_fits_and_spoils_no_neighbour() -> None:
    board = SharedBoard(2)
    largest = b"x" * (HALF_BYTES - 8)
    assert board.publish(1, b"neighbour")
    assert board.publish(0, largest)
    assert board.publish(0, largest)
    assert (board.read(0), board.read(1)) == (largest, b"neighbour")


def test_a_page_outlives_the_process_that_published_it() -> None:
    board = SharedBoard(2)
    pid = os.fork()
    if pid == 0:
        board.publish(1, b"from the child")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert board.read(1) == b"from the child"


def test_a_torn_page_is_not_read() -> None:
    board = SharedBoard()
    board.publish(0, b"first")
    board.publish(0, b"second")
    half = board._memory[0]
    unread = board._start(0, 1 - half)
    board._memory[unread : unread + 20] = b"\xff" * 20  # a writer died in the half that nobody reads
    assert board.read(0) == b"second"
    board._memory[board._start(0, half) + 9] ^= 0xFF
    assert board.read(0) == b""
    board.publish(0, b"third")
    assert board.read(0) == b"third"
