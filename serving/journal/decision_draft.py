"""A decision before its journal row is built: masking and hashing the prompt wait until the writer's thread."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from serving.decision import RecordedDecision, Request, timestamp_of
from serving.journal.redaction import StorePrompts, stored_messages, stored_prompt_id
from serving.journal.rows import DecisionRow


@dataclass(frozen=True, slots=True)
class DecisionDraft:
    """One decision whose row is not built yet.

    Parameters
    ----------
    privacy
        How much of the prompt the row may hold.
    shadow_bundle_id, shadow_arm
        What the shadow decided, where it did.
    """

    request: Request
    decided: RecordedDecision
    privacy: StorePrompts
    shadow_bundle_id: str | None = None
    shadow_arm: str | None = None

    @property
    def chars(self) -> int:
        """Characters of prompt held in memory."""
        return sum([len(message.text) for message in self.request.messages])

    def row(self) -> DecisionRow:
        """Build the row; masks and hashes the prompt, so not for the hot path."""
        record = self.decided.record
        return replace(
            build_row(self.request, self.decided),
            prompt_id=stored_prompt_id(self.request.messages, self.privacy),
            messages=stored_messages(self.request.messages, self.privacy),
            replay=None if record is None else record.to_json().decode("utf-8"),
            propensities=_propensities(self.decided),
            shadow_bundle_id=self.shadow_bundle_id,
            shadow_arm=self.shadow_arm,
        )


def build_row(request: Request, decided: RecordedDecision) -> DecisionRow:
    """Build the row of a decision without prompt and replay: cheap enough for the hot path."""
    decision, record, applied = decided.decision, decided.record, decided.applied
    estimate = decision.estimates.get(decided.served_arm or decision.arm)
    return DecisionRow(
        decision_id=decision.decision_id,
        decided_at=timestamp_of(decision.decision_id) if record is None else record.now,
        arm=decision.arm,
        model=decision.model,
        effort=decision.effort,
        bucket=decision.bucket,
        propensity=decision.propensity,
        reason=decision.reason,
        policy=decision.policy,
        bundle_id=decision.bundle_id,
        support=decision.support,
        fallback=decision.fallback,
        elapsed_us=decision.elapsed_us,
        tenant=request.tenant,
        session_id=request.session_id,
        task=request.task if record is None else record.context.task,
        prompt_id="",
        expected_success=estimate.success if estimate else 0.0,
        expected_cost_usd=estimate.cost_usd if estimate else 0.0,
        expected_output_tokens=estimate.output_tokens if estimate else 0.0,
        expected_latency_p95_ms=estimate.latency_p95_ms if estimate else 0.0,
        applied_model=applied.model if applied else None,
        applied_effort=applied.effort if applied else None,
        applied_arm=applied.arm if applied else None,
        applied_propensity=applied.propensity if applied else None,
        not_applied=(applied.not_applied or None) if applied else None,
    )


def _propensities(decided: RecordedDecision) -> str | None:
    """Name the probabilities of the draw, as JSON; a decision without a draw was certain."""
    decision, drawn = decided.decision, decided.propensities
    if not drawn:
        chances = {name: float(name == decision.arm) for name in decision.estimates or (decision.arm,)}
    elif len(drawn) == len(decision.estimates):
        chances = dict(zip(decision.estimates, drawn, strict=True))
    else:
        return None
    return orjson.dumps(chances).decode("utf-8")
