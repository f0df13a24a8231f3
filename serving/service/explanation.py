"""Explains one journalled decision: replays it from its row, with its utility sum and its outcome."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, cast

import orjson

from serving.decision import Fallback, RecordedDecision, ThinkgateError, fast_dataclass
from serving.decision.policy import BoundPolicy
from serving.decision.selection import DecisionRecord, UtilityBreakdown, utility_breakdown
from serving.journal import JournalEntry, OutcomeRow, ServedDecision


@fast_dataclass
class Explanation(ServedDecision):
    """One decision with its utility sum and outcome.

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
    applied_model, applied_effort, applied_arm, not_applied
        What the provider was really asked for, as the row says; all None where only the caller knows.
    """

    messages: list[dict[str, Any]] | None
    arithmetic: UtilityBreakdown | None
    same: bool | None
    note: str
    outcome: OutcomeRow | None
    applied_model: str | None = None
    applied_effort: str | None = None
    applied_arm: str | None = None
    not_applied: str | None = None


def explain_entry(entry: JournalEntry, bound_policy: BoundPolicy | None) -> Explanation:
    """Explain a decision.

    Parameters
    ----------
    entry
        Its row and outcome.
    bound_policy
        Arms, policy and prices in force then; None where nobody kept them.
    """
    row = entry.decision
    found, note = _arithmetic(entry, bound_policy)
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
        **{field.name: getattr(row, field.name) for field in fields(ServedDecision)},
        messages=None if row.messages is None else orjson.loads(row.messages),
        arithmetic=found,
        same=same,
        note=note,
        outcome=entry.outcome,
        applied_model=row.applied_model,
        applied_effort=row.applied_effort,
        applied_arm=row.applied_arm,
        not_applied=row.not_applied,
    )


def _arithmetic(entry: JournalEntry, bound_policy: BoundPolicy | None) -> tuple[UtilityBreakdown | None, str]:
    if entry.decision.replay is None:
        return None, "no model was asked: a fallback answered, so there is no sum"
    if bound_policy is None:
        return None, f"made under {entry.decision.policy}, which this journal does not hold"
    return utility_breakdown(DecisionRecord.from_json(entry.decision.replay), bound_policy), ""


def net_benefit_usd(decided: RecordedDecision, bound_policy: BoundPolicy | None) -> float | None:
    """Give the net benefit of the decided arm over the one that does not reason.

    Parameters
    ----------
    bound_policy
        The policy that the decision was made under.

    Returns
    -------
    float or None
        None where no model was asked, or the policy is no longer that one.
    """
    if decided.record is None or bound_policy is None:
        return None
    try:
        return utility_breakdown(decided.record, bound_policy).arms[decided.decision.arm].net_usd
    except (ThinkgateError, KeyError):
        return None
