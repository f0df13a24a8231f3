"""Decision ids: unique, sortable, the same from the same clock and generator."""

from __future__ import annotations

import random
import re
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.ids import IdSource, prompt_id, timestamp_of, to_base32
from serving.decision.types import Message


@settings(deadline=None)
@given(st.lists(st.floats(0, 4e9), min_size=2, max_size=30), st.integers())
def test_ids_strictly_increase_whatever_the_clock_does(times: list[float], seed: int) -> None:
    left = iter(times)
    ids = IdSource(lambda: next(left), random.Random(seed))
    made = [ids() for _ in times]
    assert made == sorted(set(made))
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", one) for one in made)


def test_same_clock_and_seed_make_the_same_ids() -> None:
    one, two = (IdSource(lambda: 5.0, random.Random(3)) for _ in range(2))
    assert [one() for _ in range(3)] == [two() for _ in range(3)]


def test_threads_share_a_source() -> None:
    ids = IdSource(lambda: 1.0, random.Random(1))
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ids(), range(2000)))
    assert len(set(made)) == 2000


@settings(deadline=None)
@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_spelling_keeps_order(one: int, two: int) -> None:
    assert (to_base32(one) < to_base32(two)) == (one < two)


def test_the_time_is_in_the_id() -> None:
    assert timestamp_of(IdSource(lambda: 1_790_000_000.125, random.Random(0))()) == 1_790_000_000.125


def test_a_prompt_is_known_by_the_users_words() -> None:
    asked = [Message("system", "x"), Message("user", "rename it")]
    reminded = [Message("system", "x"), Message("user", "<system-reminder>It is 1 May.</system-reminder>\nrename it")]
    environment = [Message("system", "x"), Message("user", "<environment_context>a</environment_context>"), asked[1]]
    assert prompt_id(asked) == prompt_id(reminded) == prompt_id(environment)
    assert prompt_id(asked) != prompt_id([asked[0], Message("user", "rename them")])
    # A turn that holds a block alone is known by that block.
    assert prompt_id([Message("user", "<env>a</env>")]) != prompt_id([Message("user", "<env>b</env>")])
