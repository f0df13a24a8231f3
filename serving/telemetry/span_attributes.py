"""Span attributes of decisions and outcomes: GenAI semantic conventions, `thinkgate.*` for the rest, never a prompt."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.util.types import AttributeValue

from serving.decision import Decision
from serving.journal import DecisionRow, OutcomeRow


def decision_attributes(decision: Decision) -> Mapping[str, AttributeValue]:
    """Describe a decision and the forecast of its arm."""
    attributes: dict[str, AttributeValue] = {
        "gen_ai.request.model": decision.model,
        "thinkgate.decision_id": decision.decision_id,
        "thinkgate.arm": decision.arm,
        "thinkgate.effort": decision.effort,
        "thinkgate.bucket": decision.bucket,
        "thinkgate.propensity": decision.propensity,
        "thinkgate.support": decision.support,
        "thinkgate.fallback": decision.fallback or "none",
        "thinkgate.bundle_id": decision.bundle_id,
        "thinkgate.policy": decision.policy,
    }
    estimate = decision.estimates.get(decision.arm)
    if estimate is not None:
        attributes["thinkgate.expected.success"] = estimate.success
        attributes["thinkgate.expected.cost_usd"] = estimate.cost_usd
        attributes["thinkgate.expected.output_tokens"] = estimate.output_tokens
    return attributes


def outcome_attributes(outcome: OutcomeRow, decision: DecisionRow | None) -> Mapping[str, AttributeValue]:
    """Describe an outcome; the free text of a report (arm, model) is left out."""
    attributes: dict[str, AttributeValue | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": None if decision is None else decision.model,
        "gen_ai.usage.input_tokens": outcome.input_tokens,
        "gen_ai.usage.cache_read.input_tokens": outcome.cached_input_tokens,
        "gen_ai.usage.output_tokens": outcome.output_tokens,
        "gen_ai.usage.reasoning.output_tokens": outcome.reasoning_tokens,
        "error.type": outcome.failure_mode,
        "thinkgate.decision_id": outcome.decision_id,
        "thinkgate.arm": None if decision is None else decision.arm,
        "thinkgate.applied_effort": outcome.applied_effort or (decision.applied_effort if decision else None),
        "thinkgate.not_applied": None if decision is None else decision.not_applied,
        "thinkgate.success": outcome.success,
        "thinkgate.cost_usd": outcome.cost_usd,
        "thinkgate.retries": outcome.retries,
    }
    return {name: value for name, value in attributes.items() if value is not None}
