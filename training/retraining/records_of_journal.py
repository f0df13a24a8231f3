"""A journal as outcome records: each decision with its outcome, in the form that every training reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from serving.journal.rows import JournalEntry

_FIGURES = (
    "success",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "gpu_seconds",
    "latency_ms",
    "retries",
    "failure_mode",
)


@dataclass(frozen=True, slots=True)
class ExportedJournal:
    """What became of the journal's decisions.

    Parameters
    ----------
    decisions, rows
        Read, and written as records.
    left_out
        Reason -> decisions.
    """

    decisions: int
    rows: int
    left_out: Mapping[str, int]


def export_journal(entries: Iterable[JournalEntry], path: Path) -> ExportedJournal:
    """Write the decisions from which something can be learnt as JSON lines.

    An outcome counts for the arm that was really called: where the caller took another than the one that was decided,
    nobody knows with which probability, so such a row is left out, as are fallbacks, whose choice had no chance in it.
    """
    left_out: Counter[str] = Counter()
    rows = 0
    with path.open("wb") as file:
        for entry in entries:
            reason = _unfit(entry)
            if reason is not None:
                left_out[reason] += 1
                continue
            file.write(orjson.dumps(_record(entry)) + b"\n")
            rows += 1
    return ExportedJournal(rows + left_out.total(), rows, dict(left_out))


def _unfit(entry: JournalEntry) -> str | None:
    decision, outcome = entry.decision, entry.outcome
    if outcome is None or outcome.success is None:
        return "no success was reported"
    if decision.messages is None:
        return "the prompt was not stored"
    if decision.replay is None:
        return "nobody computed the decision"
    if outcome.arm is not None and outcome.arm != decision.arm:
        return "another arm was called"
    return None


def _record(entry: JournalEntry) -> dict[str, object]:
    decision, outcome = entry.decision, entry.outcome
    assert outcome is not None
    assert decision.messages is not None
    value = None if decision.replay is None else orjson.loads(decision.replay)["context"]["value_of_success_usd"]
    return {
        "request_id": decision.decision_id,
        "messages": orjson.loads(decision.messages),
        "arm": decision.arm,
        "propensity": decision.propensity,
        "timestamp": decision.decided_at,
        "model": decision.model,
        "task": decision.task,
        "tenant": decision.tenant,
        "session_id": decision.session_id,
        "value_of_success_usd": value,
        **{name: getattr(outcome, name) for name in _FIGURES},
    }
