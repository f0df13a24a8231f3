"""Makes the calls that are not made yet, grades the answers, and writes the outcome records."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson

from serving.decision.errors import BadInput, ThinkgateError
from serving.decision.pricing import PriceBook, price_book
from serving.decision.types import Arm
from training.collecting.call_log import CallLog, Finished, call_log
from training.collecting.endpoint import Endpoint, Manner
from training.collecting.plan import Budget, Estimate, Planned, judge_usd, key_of, plan
from training.collecting.prompts import Prompt, Prompts
from training.graders import judge as judging
from training.graders.registry import GRADERS, JUDGE
from training.graders.verdict import BadCheck, Verdict
from training.progress import Progress, silent
from training.records.quarantine import Example, Quarantine
from training.sources.outcome import Outcome
from training.sources.writing import records


@dataclass(frozen=True, slots=True)
class Job:
    """What to collect, and how.

    Parameters
    ----------
    runs
        Calls of each prompt with each arm.
    judge
        The model that judges, as an arm with a price; needed where a prompt's grader is `judge`.
    key
        Bearer token for the endpoint; never written anywhere.
    concurrency
        Calls at a time.
    max_usd
        Budget cap, over all runs of the same log.
    """

    prompts: Prompts
    arms: Sequence[Arm]
    manner: Manner
    log: Path
    out: Path
    quarantine: Path
    runs: int = 1
    judge: Arm | None = None
    key: str | None = None
    concurrency: int = 8
    max_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of it.

    Parameters
    ----------
    written
        Outcome records; with `failed` and `left` all calls of the plan.
    failed
        Calls without an answer, by reason; they are in quarantine, and made again by the next run.
    left
        Calls that the budget did not allow.
    spent_usd
        By this log as a whole.
    ungraded
        Records without a verdict, by reason.
    """

    written: int
    failed: Mapping[str, int]
    left: int
    spent_usd: float
    ungraded: Mapping[str, int]


def estimate(job: Job, now: Callable[[], float] = time.time) -> Estimate:
    """Say what is left to call and what that is expected to cost; nothing is called.

    Raises
    ------
    BadInput
        If an arm has no price, or the log is of other arms.
    """
    book, moment = _book(job), now()
    with call_log(job.log) as log:
        left = list(_left(plan(job.prompts.prompts, job.arms, job.runs, book, moment), log))
        usd = sum(call.estimate_usd for call in left)
        calls = len(left)
        if job.judge is not None:
            judged = [prompt for prompt in job.prompts.prompts if prompt.check and prompt.check.grader == JUDGE]
            for prompt in judged:
                answer = "x" * 1200  # some 300 tokens of an answer are shown to the judge
                questions = 2 * job.runs * len(job.arms)
                calls += questions
                usd += questions * judge_usd(job.judge, prompt, answer, book, moment)
        return Estimate(calls, usd, _spent(log))


def collect(
    job: Job,
    progress: Progress = silent,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.perf_counter,
    rng: random.Random | None = None,
) -> Collected:
    """Collect; run again after a kill, a failure or a spent budget, it goes on where it was.

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
    book = _book(job)
    with call_log(job.log) as log:
        budget = Budget(job.max_usd, _spent(log))
        calls = list(_left(plan(job.prompts.prompts, job.arms, job.runs, book, now()), log))
        made = _Made(job, book, log, budget, now, clock, rng or random.Random())  # noqa: S311 - backoff, no secret
        try:
            asyncio.run(made.make(calls, "calling", progress))
            asyncio.run(made.make(list(_left(made.questions(), log)), "asking the judge", progress))
        except ExceptionGroup as group:
            raise next((fault for fault in group.exceptions if isinstance(fault, ThinkgateError)), group) from group
        return _write(job, log, budget, progress)


class _Made:
    """The calls of one run."""

    def __init__(
        self,
        job: Job,
        book: PriceBook,
        log: CallLog,
        budget: Budget,
        now: Callable[[], float],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._job, self._book, self._log, self._budget = job, book, log, budget
        self._now, self._clock, self._rng = now, clock, rng

    async def make(self, calls: Sequence[Planned], stage: str, progress: Progress) -> None:
        """Make the calls, some at a time; the log has each before the next one of its worker begins."""
        if not calls:
            return
        headers = {"authorization": f"Bearer {self._job.key}"} if self._job.key else {}
        limits = httpx.Limits(max_connections=self._job.concurrency)
        left, done = iter(calls), Counter[str]()
        async with httpx.AsyncClient(headers=headers, limits=limits) as client, asyncio.TaskGroup() as group:
            endpoint = Endpoint(client, self._job.manner, self._book, self._now, self._clock, self._rng)

            async def work() -> None:
                for call in left:
                    if not self._budget.begin(call.estimate_usd):
                        return
                    finished = await endpoint.call(call.key, call.arm, call.messages, call.estimate_usd)
                    # On this thread, so that lines never mix; a sync of some milliseconds among calls of seconds.
                    self._log.put(finished)
                    self._budget.end(call.estimate_usd, finished.billed_usd)
                    done["calls"] += 1
                    progress(stage, done["calls"], len(calls))

            for _ in range(min(self._job.concurrency, len(calls))):
                group.create_task(work())

    def questions(self) -> Iterator[Planned]:
        """List what the judge is asked about the answers that are there."""
        job = self._job
        for prompt, arm, run in _places(job):
            if prompt.check is None or prompt.check.grader != JUDGE:
                continue
            if job.judge is None:
                raise BadInput("a prompt's grader is judge: name the judge's model with --judge-model")
            answer = self._log.calls.get(key_of(prompt, arm, run))
            if answer is None or answer.text is None:
                continue
            usd = judge_usd(job.judge, prompt, answer.text, self._book, self._now())
            for order, turns in enumerate(judging.questions(prompt.check, prompt.text, answer.text)):
                yield Planned(_judge_key(answer, order), job.judge, orjson.dumps(turns).decode(), usd)


def _places(job: Job) -> Iterator[tuple[Prompt, Arm, int]]:
    for prompt in job.prompts.prompts:
        for run in range(1, job.runs + 1):
            for arm in job.arms:
                yield prompt, arm, run


def _judge_key(answer: Finished, order: int) -> str:
    return f"{answer.key}|{JUDGE}|{order}"


def _left(calls: Iterable[Planned], log: CallLog) -> Iterator[Planned]:
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


def _book(job: Job) -> PriceBook:
    return price_book([*job.arms, *([job.judge] if job.judge else [])])


def _spent(log: CallLog) -> float:
    return sum(call.billed_usd for call in log.calls.values())


def _write(job: Job, log: CallLog, budget: Budget, progress: Progress) -> Collected:
    written = left = 0
    failed: Counter[str] = Counter()
    ungraded: Counter[str] = Counter()
    with Quarantine(job.quarantine) as bad, records(job.out) as sink:
        for refused in job.prompts.refused:
            bad.put(Example(refused.source, refused.line, refused.kind, refused.reason), refused.row)
        places = list(_places(job))
        for place, (prompt, arm, run) in enumerate(places, 1):
            call = log.calls.get(key_of(prompt, arm, run))
            progress("grading", place, len(places))
            if call is None:
                left += 1
            elif not call.settled:
                failed[str(call.failure)] += 1
                reason = f"{call.failure} after {call.retries + 1} attempts: run again to make the call again"
                bad.put(Example(str(job.log), place, "call failed", reason), {"key": call.key, "arm": arm.name})
            else:
                verdict = _verdict(prompt, call, log)
                if verdict.success is None:
                    ungraded[verdict.note or "no grader"] += 1
                sink.put(_outcome(prompt, arm, run, call, verdict))
                written += 1
    return Collected(written, dict(failed), left, budget.spent_usd, dict(ungraded))


def _verdict(prompt: Prompt, call: Finished, log: CallLog) -> Verdict:
    if call.text is None:
        return Verdict(0.0, "timeout")
    if prompt.check is None:
        return Verdict(None, "no grader")
    if prompt.check.grader == JUDGE:
        asked = (log.calls.get(_judge_key(call, order)) for order in (0, 1))
        replies = [reply.text for reply in asked if reply is not None and reply.text is not None]
        return (
            judging.verdict(prompt.check, replies) if len(replies) == 2 else Verdict(None, "the judge did not answer")
        )
    try:
        return GRADERS[prompt.check.grader](prompt.check, call.text)
    except BadCheck as fault:
        return Verdict(None, str(fault))


def _outcome(prompt: Prompt, arm: Arm, run: int, call: Finished, verdict: Verdict) -> Outcome:
    return Outcome(
        request_id=call.key,
        prompt_id=prompt.prompt_id,
        messages=prompt.messages,
        arm=arm.name,
        success=verdict.success,
        failure_mode="timeout" if call.text is None else None,
        latency_ms=call.latency_ms,
        retries=call.retries,
        model=call.model or arm.model,
        task=prompt.task,
        timestamp=call.timestamp,
        input_tokens=call.input_tokens,
        cached_input_tokens=call.cached_input_tokens,
        output_tokens=call.output_tokens,
        reasoning_tokens=call.reasoning_tokens,
        cost_usd=call.cost_usd,
        extras={"run": run, "grader": prompt.check.grader if prompt.check else None, "verdict": verdict.note or None},
    )
