"""Explains one journalled decision: what was decided, the sum behind it, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import orjson

from serving.decision.policy.bound_policy import BoundPolicy
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.selection.utility_breakdown import UtilityBreakdown, utility_breakdown
from serving.decision.types import Fallback
from serving.journal.rows import JournalEntry, OutcomeRow


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision, laid open.

    Parameters
    ----------
    messages
        The conversation, as far as the server stores prompts; None where it does not.
    arithmetic
        Made again from the journal's record; None where that is not possible, and `note` says why.
    same
        The decision made again is the one that was served; None where it was not made again.
    outcome
        As reported so far.
    """

    decision_id: str
    decided_at: float
    arm: str
    model: str
    effort: str
    bucket: str
    propensity: float
    reason: str
    policy: str
    bundle_id: str
    support: float
    fallback: str | None
    elapsed_us: int
    tenant: str | None
    session_id: str | None
    task: str | None
    prompt_id: str
    messages: list[dict[str, Any]] | None
    arithmetic: UtilityBreakdown | None
    same: bool | None
    note: str
    outcome: OutcomeRow | None


def explain_entry(entry: JournalEntry, bound: BoundPolicy | None) -> Explanation:
    """Explain a decision.

    Parameters
    ----------
    entry
        Its row and outcome.
    bound
        Arms, policy and prices in force then; None where nobody kept them.
    """
    row = entry.decision
    found, note = _arithmetic(entry, bound)
    same = None
    if found is not None:
        again = found.decision
        same = (again.arm, again.effort, again.bucket, again.propensity, again.reason) == (
            row.arm,
            row.effort,
            row.bucket,
            row.propensity,
            row.reason,
        )
        # A fallback's record is the prior's own; the row says that it stood in for the bundle.
        found = replace(found, decision=replace(again, fallback=cast(Fallback | None, row.fallback)))
    return Explanation(
        decision_id=row.decision_id,
        decided_at=row.decided_at,
        arm=row.arm,
        model=row.model,
        effort=row.effort,
        bucket=row.bucket,
        propensity=row.propensity,
        reason=row.reason,
        policy=row.policy,
        bundle_id=row.bundle_id,
        support=row.support,
        fallback=row.fallback,
        elapsed_us=row.elapsed_us,
        tenant=row.tenant,
        session_id=row.session_id,
        task=row.task,
        prompt_id=row.prompt_id,
        messages=None if row.messages is None else orjson.loads(row.messages),
        arithmetic=found,
        same=same,
        note=note,
        outcome=entry.outcome,
    )


def _arithmetic(entry: JournalEntry, bound: BoundPolicy | None) -> tuple[UtilityBreakdown | None, str]:
    if entry.decision.replay is None:
        return None, "no model was asked: a fallback answered, so there is no sum"
    if bound is None:
        return None, f"made under {entry.decision.policy}, which this journal does not hold"
    return utility_breakdown(DecisionRecord.from_json(entry.decision.replay), bound), ""
