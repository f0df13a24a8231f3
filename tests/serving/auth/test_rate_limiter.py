"""Rates: a bucket allows its burst, then its rate, over all workers."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from serving.auth.rate_limiter import SLOTS, RateLimiter, assign_slots


class Bucket:
    """One key's bucket on a clock of the test's own."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rates, self.rate, self.slack = RateLimiter(), rate, (burst - 1) / rate

    def take(self, now: float) -> bool:
        if self.rates.delay_s(0, self.slack, now):
            return False
        self.rates.charge(0, 1 / self.rate, now)
        return True


def test_burst_then_rate() -> None:
    bucket = Bucket(rate=10.0, burst=5.0)
    assert [bucket.take(100.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert bucket.rates.delay_s(0, bucket.slack, 100.0) > 0.09
    assert bucket.take(100.11)
    assert not bucket.take(100.12)
    assert [bucket.take(200.0) for _ in range(6)] == [True] * 5 + [False]


@given(
    st.floats(0.5, 1000.0),
    st.floats(1.0, 50.0),
    st.lists(st.floats(0.0, 0.2), min_size=1, max_size=300),
)
def test_never_more_than_burst_plus_rate(rate: float, burst: float, gaps: list[float]) -> None:
    bucket, now, taken = Bucket(rate, burst), 1000.0, 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now)
    assert taken <= burst + rate * (now - 1000.0) + 1e-6 * len(gaps)


def test_a_debt_is_waited_for() -> None:
    bucket = Bucket(rate=10.0, burst=2.0)
    assert bucket.take(0.0)
    bucket.rates.charge(0, 29 / 10.0, 0.0)
    assert not bucket.take(2.8)
    assert bucket.take(2.91)


def test_forked_workers_spend_from_one_bucket() -> None:
    rates = RateLimiter()
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            rates.charge(7, 1.0, 0.0)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    assert rates.delay_s(7, 0.0, 0.0) == 3.0
    assert rates.delay_s(8, 0.0, 0.0) == 0.0


def test_slots_are_distinct_and_stable() -> None:
    ids = [f"key{number}" for number in range(3000)]
    slots = assign_slots(ids)
    assert len(set(slots.values())) == 3000
    assert max(slots.values()) < SLOTS
    fewer = assign_slots(ids[:100])
    assert sum(slots[key] == slot for key, slot in fewer.items()) > 80
