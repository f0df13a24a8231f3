"""Rate cards: which rates apply at which time and prompt length, and what a call costs at them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.decision.pricing.rate_card import CallRates, RateCard, RateWindow, cost_of_usage, expected_cost
from serving.decision.pricing.usage import Usage

RATES = CallRates(-1, 1e-6, 1e-7, 1.25e-6, 2e-6, 1e-5, 2e-5)
HOUR = 3600.0
DAY = 24 * HOUR


def priced(usd_per_token: float) -> tuple[CallRates, ...]:
    return (replace(RATES, input=usd_per_token),)


def test_a_forecast_is_input_cache_output_and_retries() -> None:
    rates = CallRates(-1, 1e-6, 1e-7, 1e-6, 1e-6, 1e-5, 1e-5, request=0.001)
    once = 0.001 + 600e-6 + 400e-7 + 3000e-5
    assert expected_cost(rates, 1000, 400, 3000, 0.0, 0.0) == pytest.approx(once)
    assert expected_cost(rates, 1000, 400, 3000, 0.0, 0.25) == pytest.approx(1.25 * once)
    assert expected_cost(rates, 1000, 5000, 0, 0.0, 0.0) == pytest.approx(0.001 + 1000e-7)


def test_every_kind_of_token_pays_its_own_rate() -> None:
    usage = Usage(
        input_tokens=1000,
        output_tokens=500,
        cached_input_tokens=300,
        cache_write_tokens=200,
        cache_write_1h_tokens=100,
        reasoning_tokens=400,
    )
    tokens = 400 * 1e-6 + 300 * 1e-7 + 200 * 1.25e-6 + 100 * 2e-6 + 100 * 1e-5 + 400 * 2e-5
    assert cost_of_usage(usage, RATES) == pytest.approx(tokens)
    assert cost_of_usage(usage, replace(RATES, request=0.5)) == pytest.approx(0.5 + tokens)
    assert cost_of_usage(Usage(0, 0), replace(RATES, gpu_second=0.001), gpu_seconds=3.0) == pytest.approx(0.003)


def test_the_longest_matching_tier_applies_to_the_whole_call() -> None:
    long, short = replace(RATES, above_input_tokens=200_000, input=2e-6), RATES
    card = RateCard("a", "test", (RateWindow(None, None, None, (long, short)),))
    assert card.rates(0.0, 200_001) is long
    assert card.rates(0.0, 200_000) is short
    assert card.rates(0.0, 0) is short


def test_a_prompt_below_every_tier_pays_the_last_one() -> None:
    only = replace(RATES, above_input_tokens=100)
    assert RateCard("a", "test", (RateWindow(None, None, None, (only,)),)).rates(0.0, 5) is only


@pytest.mark.parametrize(
    ("opens", "closes", "inside", "outside"),
    [
        (8 * HOUR, 16 * HOUR, (8 * HOUR, 12 * HOUR, 16 * HOUR - 1), (0.0, 8 * HOUR - 1, 16 * HOUR)),
        (22 * HOUR, 6 * HOUR, (22 * HOUR, 23 * HOUR, 0.0, 6 * HOUR - 1), (6 * HOUR, 12 * HOUR, 22 * HOUR - 1)),
    ],
    ids=["within the day", "over midnight"],
)
def test_a_window_of_the_day(
    opens: float, closes: float, inside: tuple[float, ...], outside: tuple[float, ...]
) -> None:
    window = RateWindow(None, opens, closes, priced(1.0))
    assert all(window.holds(20_000 * DAY + second) for second in inside)
    assert not any(window.holds(20_000 * DAY + second) for second in outside)


def test_later_windows_take_precedence_and_the_first_is_the_default() -> None:
    first = RateWindow(100.0, None, None, priced(1.0))
    dated = RateWindow(200.0, None, None, priced(2.0))
    night = RateWindow(None, 22 * HOUR, 6 * HOUR, priced(3.0))
    card = RateCard("a", "test", (first, dated))
    assert [card.rates(now, 10).input for now in (50.0, 150.0, 200.0)] == [1.0, 1.0, 2.0]
    off_peak = RateCard("a", "test", (first, night))
    assert [off_peak.rates(DAY + hour * HOUR, 10).input for hour in (12, 23)] == [1.0, 3.0]
