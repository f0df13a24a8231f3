"""Plans calls, estimates their cost and enforces the spend limit while calls are in flight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from serving.decision import Arm
from serving.decision.pricing import PriceBook, expected_cost
from training.collector.job import Job, call_keys
from training.collector.prompt_file import Prompt

_JUDGE_OUTPUT_TOKENS = 30.0


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call to make and its expected cost."""

    key: str
    arm: Arm
    messages: str
    estimate_usd: float


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Estimate of the outstanding calls.

    Parameters
    ----------
    calls
        Calls that are not finished.
    usd
        Their expected cost, from the arms' default output tokens and four characters a token.
    spent_usd
        Cost of the finished calls.
    """

    calls: int
    usd: float
    spent_usd: float


def plan_calls(job: Job, book: PriceBook, now: float) -> Iterator[PlannedCall]:
    """Yield the calls in an order that keeps the prompts of an interrupted run paired."""
    for call_key in call_keys(job):
        arm = call_key.arm
        usd = expected_usd(arm, call_key.prompt.input_tokens, arm.default_output_tokens, book, now)
        yield PlannedCall(call_key.key, arm, call_key.prompt.messages, usd)


def expected_usd(arm: Arm, input_tokens: float, output_tokens: float, book: PriceBook, now: float) -> float:
    """Return the expected cost of one call, USD."""
    rates = book.card(arm.name).rates(now, input_tokens)
    return expected_cost(rates, input_tokens, 0.0, output_tokens, arm.default_latency_ms, 0.0)


def judge_usd(judge: Arm, prompt: Prompt, answer: str, book: PriceBook, now: float) -> float:
    """Return the expected cost of one judge call, USD."""
    reference = len(prompt.check.answer or "") if prompt.check else 0
    tokens = prompt.input_tokens + (len(answer) + reference) / 4 + 120
    return expected_usd(judge, tokens, _JUDGE_OUTPUT_TOKENS, book, now)


class SpendLimit:
    """Spend limit: admits a call only if spent, reserved and its own expected cost stay within the cap.

    Parameters
    ----------
    cap_usd
        None for no cap.
    spent_usd
        Spent before this run.
    """

    def __init__(self, cap_usd: float | None, spent_usd: float) -> None:
        self._cap = cap_usd
        self.spent_usd = spent_usd
        self._in_flight_usd = 0.0
        self._in_flight = 0

    @property
    def idle(self) -> bool:
        """Whether no call is in flight: a call that does not fit now never will."""
        return self._in_flight == 0

    def fits(self, usd: float) -> bool:
        """Return whether a call of that expected cost may start now."""
        return self._cap is None or self.spent_usd + self._in_flight_usd + usd <= self._cap

    def reserve(self, usd: float) -> None:
        """Reserve the expected cost of a call that starts."""
        self._in_flight += 1
        self._in_flight_usd += usd

    def settle(self, expected_usd: float, billed_usd: float) -> None:
        """Release the reservation of a finished call and add what it was billed."""
        self._in_flight -= 1
        self._in_flight_usd = self._in_flight_usd - expected_usd if self._in_flight else 0.0
        self.spent_usd += billed_usd
