"""Packed cache: bounded, newest last, and nothing in it is tracked by the garbage collector."""

from __future__ import annotations

import gc

from serving.control.outcome_matching import ExpectedOutcome
from serving.decision.types import Caps
from serving.packed_cache import PackedCache


def test_cached_values_are_not_tracked_by_the_garbage_collector() -> None:
    cache = PackedCache(ExpectedOutcome, 1000)
    for number in range(1000):
        value = ExpectedOutcome(
            "direct",
            "gpt-5.1",
            "none",
            "maths",
            None,
            float(number),
            0.5,
            300.0,
            None,
            900.0,
            0.01,
            judged=("success",),
        )
        cache.put(str(number), value)
    gc.collect()
    gc.collect()  # a tuple within a tuple goes first
    kept = [found for found in gc.get_referents(cache._packed) if isinstance(found, tuple)]
    assert len(kept) == 1000
    assert not any(gc.is_tracked(values) for values in kept)
    assert cache.get("7") == ExpectedOutcome(
        "direct", "gpt-5.1", "none", "maths", None, 7.0, 0.5, 300.0, None, 900.0, 0.01, None, ("success",)
    )


def test_a_value_that_is_stored_again_is_the_newest() -> None:
    cache = PackedCache(Caps, 2)
    for name in ("a", "b", "a", "c"):
        cache.put(name, Caps(1, 1, 1))
    assert [cache.get(name) is not None for name in "abc"] == [True, False, True]
