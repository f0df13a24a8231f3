"""Grades the answers of a collection and writes them as outcome records."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from training.collector.call_log import CallLog, FinishedCall
from training.collector.graders import GRADERS, JUDGE, BadCheck, Grade, judge_grade
from training.collector.job import CallKey, CollectionResult, Job, call_keys, judge_key
from training.progress import Progress
from training.records import OutcomeRecord, Quarantine, QuarantinedExample, open_writer


def write_outcomes(job: Job, log: CallLog, progress: Progress) -> CollectionResult:
    """Grade all answers of the log and rewrite the records; failed calls go to quarantine."""
    written = remaining = 0
    failed: Counter[str] = Counter()
    ungraded: Counter[str] = Counter()
    with ExitStack() as stack:
        rejected, writer = stack.enter_context(Quarantine(job.quarantine)), stack.enter_context(open_writer(job.out))
        for refused in job.prompts.refused:
            rejected.add(QuarantinedExample(refused.source, refused.line, refused.kind, refused.reason), refused.row)
        keys = list(call_keys(job))
        pool = stack.enter_context(ThreadPoolExecutor())  # code graders wait for subprocesses
        grades = pool.map(lambda call_key: _grade(call_key, log), keys)
        for number, (call_key, grade) in enumerate(zip(keys, grades, strict=True), 1):
            call = log.calls.get(call_key.key)
            progress("grading", number, len(keys))
            if call is None:
                remaining += 1
            elif not call.settled:
                failed[str(call.failure)] += 1
                reason = f"{call.failure} after {call.retries + 1} attempts: run again to make the call again"
                rejected.add(
                    QuarantinedExample(str(job.log), number, "call failed", reason),
                    {"key": call.key, "arm": call_key.arm.name},
                )
            else:
                if grade.success is None:
                    ungraded[grade.note or "no grader"] += 1
                writer.write(_outcome(call_key, call, grade))
                written += 1
    return CollectionResult(
        written, dict(failed), remaining, sum(call.billed_usd for call in log.calls.values()), dict(ungraded)
    )


def _grade(call_key: CallKey, log: CallLog) -> Grade:
    call, check = log.calls.get(call_key.key), call_key.prompt.check
    if call is None or not call.settled:
        return Grade(None, "no answer")
    if call.text is None:
        return Grade(0.0, "timeout")
    if check is None:
        return Grade(None, "no grader")
    if check.grader == JUDGE:
        keys = (log.calls.get(judge_key(call.key, order)) for order in (0, 1))
        replies = [reply.text for reply in keys if reply is not None and reply.text is not None]
        return judge_grade(check, replies) if len(replies) == 2 else Grade(None, "the judge did not answer")
    try:
        return GRADERS[check.grader](check, call.text)
    except BadCheck as error:
        return Grade(None, str(error))


def _outcome(call_key: CallKey, call: FinishedCall, grade: Grade) -> OutcomeRecord:
    prompt, arm, check = call_key.prompt, call_key.arm, call_key.prompt.check
    return OutcomeRecord(
        request_id=call.key,
        prompt_id=prompt.prompt_id,
        messages=prompt.messages,
        arm=arm.name,
        success=grade.success,
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
        extras={"run": call_key.run, "grader": check.grader if check else None, "verdict": grade.note or None},
    )
