"""Rate cards: USD rates of an arm by time and prompt length, and the cost of a call at these rates."""

from __future__ import annotations

from dataclasses import dataclass

from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.pricing.usage import Usage
from serving.decision.types import Usd

_DAY = 86400.0


@fast_dataclass
class CallRates:
    """Rates of one call, in USD per token, per GPU second and per request.

    Parameters
    ----------
    above_input_tokens
        The rates apply to the whole call if its prompt is longer than this; -1 for any length.
    cached_input, cache_write, cache_write_1h
        Prompt tokens read from the provider's cache, or written to it for five minutes or an hour.
    hidden
        Reasoning tokens; the same as `output` at nearly every provider.
    """

    above_input_tokens: int
    input: float
    cached_input: float
    cache_write: float
    cache_write_1h: float
    output: float
    hidden: float
    gpu_second: float = 0.0
    request: float = 0.0


@dataclass(frozen=True, slots=True)
class RateWindow:
    """Rates that apply from a date on, or between two times of the day.

    Parameters
    ----------
    since
        Epoch seconds, or None.
    opens, closes
        Seconds after midnight UTC; the window may run over midnight. Both None: all day.
    tiers
        Longest prompts first; the last one applies to the rest.
    """

    since: float | None
    opens: float | None
    closes: float | None
    tiers: tuple[CallRates, ...]

    def holds(self, now: float) -> bool:
        """Tell whether the window applies at `now` (epoch seconds)."""
        if self.since is not None and now < self.since:
            return False
        if self.opens is None or self.closes is None:
            return True
        second = now % _DAY
        if self.closes < self.opens:
            return second >= self.opens or second < self.closes
        return self.opens <= second < self.closes


@dataclass(frozen=True, slots=True)
class RateCard:
    """All rates of an arm.

    Parameters
    ----------
    arm
        Name of the arm.
    source
        Of the rates: `arms.toml`, `gpu`, or provider and model of the price book.
    windows
        Later ones take precedence; where none applies, the first is used.
    """

    arm: str
    source: str
    windows: tuple[RateWindow, ...]

    def rates(self, now: float, input_tokens: float) -> CallRates:
        """Select the rates of a call at `now` (epoch seconds) with `input_tokens` prompt tokens."""
        window = self.windows[0]
        if len(self.windows) > 1:
            window = next((each for each in reversed(self.windows) if each.holds(now)), window)
        for tier in window.tiers:
            if input_tokens > tier.above_input_tokens:
                return tier
        return window.tiers[-1]


def expected_cost(
    rates: CallRates, input_tokens: float, cached_tokens: float, output_tokens: float, latency_ms: float, retries: float
) -> float:
    """Compute the expected cost of a call with its retries.

    Parameters
    ----------
    rates
        Of the arm, now.
    input_tokens, cached_tokens
        All prompt tokens, and those of them that the provider reads from its cache.
    output_tokens
        Visible and hidden; hidden tokens are billed as output.
    latency_ms
        For self-hosted arms.
    retries
        Expected number of repeated calls.

    Returns
    -------
    float
        USD.
    """
    cached = min(cached_tokens, input_tokens)
    once = (
        rates.request
        + (input_tokens - cached) * rates.input
        + cached * rates.cached_input
        + output_tokens * rates.output
        + latency_ms * 0.001 * rates.gpu_second
    )
    return once * (1.0 + retries)


def cost_of_usage(usage: Usage, rates: CallRates, gpu_seconds: float = 0.0) -> Usd:
    """Price one call from the provider's own usage record.

    Examples
    --------
    >>> rates = CallRates(0, 1.25e-6, 0.125e-6, 1.25e-6, 1.25e-6, 10e-6, 10e-6)
    >>> round(cost_of_usage(Usage(input_tokens=1000, cached_input_tokens=400, output_tokens=3100), rates), 6)
    0.0318
    """
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    plain = usage.input_tokens - usage.cached_input_tokens - written
    return Usd(
        rates.request
        + plain * rates.input
        + usage.cached_input_tokens * rates.cached_input
        + usage.cache_write_tokens * rates.cache_write
        + usage.cache_write_1h_tokens * rates.cache_write_1h
        + (usage.output_tokens - usage.reasoning_tokens) * rates.output
        + usage.reasoning_tokens * rates.hidden
        + gpu_seconds * rates.gpu_second
    )
