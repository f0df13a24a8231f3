"""Grades what was answered and writes it as outcome records."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from training.collector.call_log import CallLog, FinishedCall
from training.collector.graders import llm_judge as judging
from training.collector.graders.base import BadCheck, Grade
from training.collector.graders.catalog import GRADERS, JUDGE
from training.collector.job import CallKey, CollectionResult, Job, call_keys, judge_key
from training.progress import Progress
from training.records.outcome_record import OutcomeRecord
from training.records.quarantine import Quarantine, QuarantinedExample
from training.records.writer import open_writer


def write_outcomes(job: Job, log: CallLog, progress: Progress) -> CollectionResult:
    """Grade all answers of the log and write the records anew; what has no answer goes to quarantine, or is left."""
    written = left = 0
    failed: Counter[str] = Counter()
    ungraded: Counter[str] = Counter()
    with ExitStack() as stack:
        bad, sink = stack.enter_context(Quarantine(job.quarantine)), stack.enter_context(open_writer(job.out))
        for refused in job.prompts.refused:
            bad.put(QuarantinedExample(refused.source, refused.line, refused.kind, refused.reason), refused.row)
        asked = list(call_keys(job))
        pool = stack.enter_context(ThreadPoolExecutor())  # tests of code wait for processes of their own
        judged = pool.map(lambda place: _verdict(place, log), asked)
        for number, (place, verdict) in enumerate(zip(asked, judged, strict=True), 1):
            call = log.calls.get(place.key)
            progress("grading", number, len(asked))
            if call is None:
                left += 1
            elif not call.settled:
                failed[str(call.failure)] += 1
                reason = f"{call.failure} after {call.retries + 1} attempts: run again to make the call again"
                bad.put(
                    QuarantinedExample(str(job.log), number, "call failed", reason),
                    {"key": call.key, "arm": place.arm.name},
                )
            else:
                if verdict.success is None:
                    ungraded[verdict.note or "no grader"] += 1
                sink.put(_outcome(place, call, verdict))
                written += 1
    return CollectionResult(
        written, dict(failed), left, sum(call.billed_usd for call in log.calls.values()), dict(ungraded)
    )


def _verdict(place: CallKey, log: CallLog) -> Grade:
    call, check = log.calls.get(place.key), place.prompt.check
    if call is None or not call.settled:
        return Grade(None, "no answer")
    if call.text is None:
        return Grade(0.0, "timeout")
    if check is None:
        return Grade(None, "no grader")
    if check.grader == JUDGE:
        asked = (log.calls.get(judge_key(call.key, order)) for order in (0, 1))
        replies = [reply.text for reply in asked if reply is not None and reply.text is not None]
        return judging.judge_grade(check, replies) if len(replies) == 2 else Grade(None, "the judge did not answer")
    try:
        return GRADERS[check.grader](check, call.text)
    except BadCheck as fault:
        return Grade(None, str(fault))


def _outcome(place: CallKey, call: FinishedCall, verdict: Grade) -> OutcomeRecord:
    prompt, arm, check = place.prompt, place.arm, place.prompt.check
    return OutcomeRecord(
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
        extras={"run": place.run, "grader": check.grader if check else None, "verdict": verdict.note or None},
    )
