"""The shared table of sessions: bounded, apart by tenant, right after any turns, shared by forked workers."""

from __future__ import annotations

import os
import sys

from hypothesis import given
from hypothesis import strategies as st

from serving.control.sessions import ROOT_BYTES, LastTurn, SessionTable, arm_key
from serving.decision.types import EFFORTS, EffortHistory

turns = st.builds(
    LastTurn,
    st.integers(0, 2**32 - 1),
    st.sampled_from(EFFORTS),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1e12),
    st.none() | st.sampled_from(EFFORTS),
    st.booleans(),
    st.binary(min_size=ROOT_BYTES, max_size=ROOT_BYTES),
    st.none()
    | st.builds(
        EffortHistory,
        st.sampled_from(EFFORTS),
        st.lists(st.tuples(st.integers(0, 65_535), st.sampled_from(EFFORTS)), max_size=5).map(tuple),
    ),
)
names = st.text(max_size=8)


@given(st.lists(st.tuples(st.none() | names, names, turns), max_size=30))
def test_the_last_turn_of_each_session_is_found(kept: list[tuple[str | None, str, LastTurn]]) -> None:
    table, last = SessionTable(4096), {}
    for tenant, session, turn in kept:
        table.keep(tenant, session, turn)
        last[tenant, session] = turn
    for (tenant, session), turn in last.items():
        assert table.find(tenant, session) == turn


def test_tenants_do_not_see_each_other() -> None:
    table = SessionTable(64)
    turn = LastTurn(1, "high", 10, 5.0)
    table.keep("a", "s", turn)
    for tenant in (None, "", "b", "1:a"):
        assert table.find(tenant, "s") is None
    table.keep(None, "1:a\0s", turn)
    table.keep("1:a\0", "s", replace_arm(turn, 2))
    assert table.find("a", "s") == turn


def test_a_turn_is_found_by_its_tenant_and_hash_only() -> None:
    table = SessionTable(64)
    turn = LastTurn(1, "high", 10, 5.0, root=b"12345678")
    table.keep_turn("a", b"k" * 16, turn)
    assert table.find_turn("a", b"k" * 16) == turn
    assert table.find_turn(None, b"k" * 16) is None
    assert table.find_turn("b", b"k" * 16) is None
    assert table.find("a", "k" * 16) is None


def replace_arm(turn: LastTurn, arm: int) -> LastTurn:
    return LastTurn(arm, turn.effort, turn.input_tokens, turn.at)


def test_it_is_bounded_and_the_oldest_makes_room() -> None:
    table = SessionTable(4)
    for number in range(100):
        table.keep(None, str(number), LastTurn(number, "low", number, float(number)))
    found = [number for number in range(100) if table.find(None, str(number)) is not None]
    assert found == [96, 97, 98, 99]
    table.keep(None, "96", LastTurn(96, "low", 0, 200.0))
    table.keep(None, "new", LastTurn(1, "low", 0, 201.0))
    assert table.find(None, "96") is not None
    assert table.find(None, "97") is None


def test_a_torn_entry_counts_as_unknown() -> None:
    table = SessionTable(4)
    table.keep(None, "s", LastTurn(7, "low", 1, 1.0))
    memory = table._memory
    place = (
        memory.find(arm_key("x").to_bytes(4, "little"))
        if memory.find(b"\x07\0\0\0") < 0
        else memory.find(b"\x07\0\0\0")
    )
    memory[place] = 8
    assert table.find(None, "s") is None


def test_forked_workers_share_it() -> None:
    table = SessionTable(16)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        table.keep("acme", "s", LastTurn(arm_key("high"), "high", 4000, 9.0))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert table.find("acme", "s") == LastTurn(arm_key("high"), "high", 4000, 9.0)
