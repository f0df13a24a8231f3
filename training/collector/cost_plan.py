"""What is to be called, what that may cost, and how much of the budget is left while it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from serving.decision.pricing.price_book import PriceBook
from serving.decision.pricing.rate_card import expected_cost
from serving.decision.types import Arm
from training.collector.job import Job, call_keys
from training.collector.prompt_file import Prompt

_JUDGE_OUTPUT_TOKENS = 30.0


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call to make."""

    key: str
    arm: Arm
    messages: str
    estimate_usd: float


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What is left to do.

    Parameters
    ----------
    calls
        Not yet finished.
    usd
        Their expected cost, from the arms' default output tokens and four characters a token.
    spent_usd
        Cost of the finished ones.
    """

    calls: int
    usd: float
    spent_usd: float


def plan_calls(job: Job, book: PriceBook, now: float) -> Iterator[PlannedCall]:
    """List the calls, in an order that leaves a run that is cut short still paired."""
    for place in call_keys(job):
        arm = place.arm
        usd = expected_usd(arm, place.prompt.input_tokens, arm.default_output_tokens, book, now)
        yield PlannedCall(place.key, arm, place.prompt.messages, usd)


def expected_usd(arm: Arm, input_tokens: float, output_tokens: float, book: PriceBook, now: float) -> float:
    """Forecast one call."""
    rates = book.card(arm.name).rates(now, input_tokens)
    return expected_cost(rates, input_tokens, 0.0, output_tokens, arm.default_latency_ms, 0.0)


def judge_usd(judge: Arm, prompt: Prompt, answer: str, book: PriceBook, now: float) -> float:
    """Forecast one question to the judge."""
    reference = len(prompt.check.answer or "") if prompt.check else 0
    tokens = prompt.input_tokens + (len(answer) + reference) / 4 + 120
    return expected_usd(judge, tokens, _JUDGE_OUTPUT_TOKENS, book, now)


class SpendLimit:
    """Lets a call begin only where what is spent, what is under way and the call itself stay within the cap.

    Parameters
    ----------
    cap_usd
        None for no cap.
    spent_usd
        Before this run.
    """

    def __init__(self, cap_usd: float | None, spent_usd: float) -> None:
        self._cap = cap_usd
        self.spent_usd = spent_usd
        self._under_way_usd = 0.0
        self._under_way = 0

    @property
    def idle(self) -> bool:
        """Whether no call is under way: what does not fit now never will."""
        return self._under_way == 0

    def fits(self, usd: float) -> bool:
        """Tell whether a call of that expected cost may begin now."""
        return self._cap is None or self.spent_usd + self._under_way_usd + usd <= self._cap

    def begin(self, usd: float) -> None:
        """Reserve a call's expected cost."""
        self._under_way += 1
        self._under_way_usd += usd

    def end(self, expected_usd: float, billed_usd: float) -> None:
        """Book what it cost."""
        self._under_way -= 1
        self._under_way_usd = self._under_way_usd - expected_usd if self._under_way else 0.0
        self.spent_usd += billed_usd
