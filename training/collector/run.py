"""Runs a collection: makes the outstanding calls, grades the answers and writes outcome records."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import httpx
import orjson

from serving.decision import BadInput, ThinkgateError
from serving.decision.pricing import PriceBook, price_book
from training.collector.call_log import CallLog, open_call_log
from training.collector.client import CompletionClient
from training.collector.cost_plan import CostEstimate, PlannedCall, SpendLimit, judge_usd, plan_calls
from training.collector.graders import JUDGE, judge_prompts
from training.collector.job import CollectionResult, Job, call_keys, judge_key
from training.collector.outcome_writer import write_outcomes
from training.progress import Progress, silent

_TYPICAL_ANSWER: Final = "x" * 1200
"""About 300 tokens: stands for the answer in cost estimates of judge calls."""


def estimate_cost(job: Job, now: Callable[[], float] = time.time) -> CostEstimate:
    """Estimate the outstanding calls and their cost; nothing is called.

    Raises
    ------
    BadInput
        If an arm has no price, or the log is of other arms.
    """
    book, moment = _price_book(job), now()
    with open_call_log(job.log) as log:
        unfinished = list(_unfinished(plan_calls(job, book, moment), log))
        usd = sum(call.estimate_usd for call in unfinished)
        calls = len(unfinished)
        for call_key in call_keys(job) if job.judge is not None else ():
            prompt = call_key.prompt
            if prompt.check is None or prompt.check.grader != JUDGE or job.judge is None:
                continue
            keys = (judge_key(call_key.key, order) for order in (0, 1))
            open_calls = sum(1 for key in keys if key not in log.calls or not log.calls[key].settled)
            calls += open_calls
            usd += open_calls * judge_usd(job.judge, prompt, _TYPICAL_ANSWER, book, moment)
        return CostEstimate(calls, usd, _spent(log))


def collect(
    job: Job,
    progress: Progress = silent,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.perf_counter,
    rng: random.Random | None = None,
) -> CollectionResult:
    """Run a collection; a run after a kill, a failure or a spent budget resumes from the log.

    Parameters
    ----------
    now, clock
        Epoch seconds, and seconds for latencies.
    rng
        Draws the backoff.

    Raises
    ------
    BadInput
        If an arm has no price, the log is of other arms, or a check can't be carried out.
    EndpointRefused
        If the endpoint refuses all calls.
    """
    book = _price_book(job)
    with open_call_log(job.log) as log:
        budget = SpendLimit(job.max_usd, _spent(log))
        calls = list(_unfinished(plan_calls(job, book, now()), log))
        run = _CollectionRun(job, book, log, budget, now, clock, rng or random.Random())  # noqa: S311 - backoff, no secret
        try:
            asyncio.run(run.make_calls(calls, "calling", progress))
            asyncio.run(run.make_calls(list(_unfinished(run.judge_calls(), log)), "asking the judge", progress))
        except ExceptionGroup as group:
            raise next((error for error in group.exceptions if isinstance(error, ThinkgateError)), group) from group
        return write_outcomes(job, log, progress)


class _CollectionRun:
    """Makes the calls of one collection."""

    def __init__(
        self,
        job: Job,
        book: PriceBook,
        log: CallLog,
        budget: SpendLimit,
        now: Callable[[], float],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._job, self._book, self._log, self._budget = job, book, log, budget
        self._now, self._clock, self._rng = now, clock, rng

    async def make_calls(self, calls: Sequence[PlannedCall], stage: str, progress: Progress) -> None:
        """Make calls concurrently; each is in the log before its worker starts the next."""
        if not calls:
            return
        headers = {"authorization": f"Bearer {self._job.key}"} if self._job.key else {}
        limits = httpx.Limits(max_connections=self._job.concurrency)
        unfinished, done, room = iter(calls), Counter[str](), asyncio.Condition()
        async with httpx.AsyncClient(headers=headers, limits=limits) as client, asyncio.TaskGroup() as group:
            completions = CompletionClient(client, self._job.settings, self._book, self._now, self._clock, self._rng)

            async def work() -> None:
                for call in unfinished:
                    if not await self._reserve(call, room):
                        return
                    finished = await completions.call(call.key, call.arm, call.messages, call.estimate_usd)
                    # In the event loop, so that lines never interleave; a sync takes milliseconds, a call seconds.
                    self._log.append(finished)
                    async with room:
                        self._budget.settle(call.estimate_usd, finished.billed_usd)
                        room.notify_all()
                    done["calls"] += 1
                    progress(stage, done["calls"], len(calls))

            for _ in range(min(self._job.concurrency, len(calls))):
                group.create_task(work())

    async def _reserve(self, call: PlannedCall, room: asyncio.Condition) -> bool:
        """Wait until the budget allows a call; calls in flight often cost less than was reserved for them."""
        async with room:
            await room.wait_for(lambda: self._budget.fits(call.estimate_usd) or self._budget.idle)
            if not self._budget.fits(call.estimate_usd):
                room.notify_all()
                return False
            self._budget.reserve(call.estimate_usd)
            return True

    def judge_calls(self) -> Iterator[PlannedCall]:
        """Plan the judge calls of all answers in the log."""
        job = self._job
        for call_key in call_keys(job):
            prompt = call_key.prompt
            if prompt.check is None or prompt.check.grader != JUDGE:
                continue
            if job.judge is None:
                raise BadInput("a prompt's grader is judge: name the judge's model with --judge-model")
            answer = self._log.calls.get(call_key.key)
            if answer is None or answer.text is None:
                continue
            usd = judge_usd(job.judge, prompt, answer.text, self._book, self._now())
            for order, turns in enumerate(judge_prompts(prompt.check, prompt.text, answer.text)):
                yield PlannedCall(judge_key(answer.key, order), job.judge, orjson.dumps(turns).decode(), usd)


def _unfinished(calls: Iterable[PlannedCall], log: CallLog) -> Iterator[PlannedCall]:
    for call in calls:
        found = log.calls.get(call.key)
        asked = f"{call.arm.model}@{call.arm.effort}"
        if found is not None and found.asked != asked:
            raise BadInput(
                f"the log has calls of arm {call.arm.name!r} as {found.asked}, arms.toml says {asked}:"
                " start a new log with --log, or put the arm back"
            )
        if found is None or not found.settled:
            yield call


def _price_book(job: Job) -> PriceBook:
    return price_book([*job.arms, *([job.judge] if job.judge else [])])


def _spent(log: CallLog) -> float:
    return sum(call.billed_usd for call in log.calls.values())
