"""What is to be called, what that may cost, and how much of the budget is left while it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from serving.decision.pricing import PriceBook
from serving.decision.rates import expected_cost
from serving.decision.types import Arm
from training.collecting.prompts import Prompt

_JUDGE_OUTPUT_TOKENS = 30.0


@dataclass(frozen=True, slots=True)
class Planned:
    """One call to make."""

    key: str
    arm: Arm
    messages: str
    estimate_usd: float


@dataclass(frozen=True, slots=True)
class Estimate:
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


def key_of(prompt: Prompt, arm: Arm, run: int) -> str:
    """Name a call."""
    return f"{prompt.key}|{arm.name}|{run}"


def plan(prompts: Sequence[Prompt], arms: Sequence[Arm], runs: int, book: PriceBook, now: float) -> Iterator[Planned]:
    """List the calls prompt by prompt, all arms of one beside each other: a run that is cut short is still paired."""
    for prompt in prompts:
        for run in range(1, runs + 1):
            for arm in arms:
                usd = expected_usd(arm, prompt.input_tokens, arm.default_output_tokens, book, now)
                yield Planned(key_of(prompt, arm, run), arm, prompt.messages, usd)


def expected_usd(arm: Arm, input_tokens: float, output_tokens: float, book: PriceBook, now: float) -> float:
    """Forecast one call."""
    rates = book.card(arm.name).rates(now, input_tokens)
    return expected_cost(rates, input_tokens, 0.0, output_tokens, arm.default_latency_ms, 0.0)


def judge_usd(judge: Arm, prompt: Prompt, answer: str, book: PriceBook, now: float) -> float:
    """Forecast one question to the judge."""
    reference = len(prompt.check.answer or "") if prompt.check else 0
    tokens = prompt.input_tokens + (len(answer) + reference) / 4 + 120
    return expected_usd(judge, tokens, _JUDGE_OUTPUT_TOKENS, book, now)


class Budget:
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
        self._under_way = 0.0
        self.stopped = False

    def begin(self, usd: float) -> bool:
        """Reserve a call's expected cost; False, from then on for all, where that would be over the cap."""
        if self._cap is not None and self.spent_usd + self._under_way + usd > self._cap:
            self.stopped = True
        if not self.stopped:
            self._under_way += usd
        return not self.stopped

    def end(self, expected_usd: float, billed_usd: float) -> None:
        """Book what it cost."""
        self._under_way -= expected_usd
        self.spent_usd += billed_usd
