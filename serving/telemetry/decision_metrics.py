"""Metrics of decisions and outcomes: counts by arm, expected cost and success, and realised cost and success."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from serving.decision import Integration, RecordedDecision, Request
from serving.decision.providers import NOT_APPLIED, same_model
from serving.journal import DecisionRow, OutcomeRow
from serving.telemetry.instruments import MetricRegistry

STAGE_BOUNDS: Final = (
    25e-6, 50e-6, 100e-6, 150e-6, 200e-6, 300e-6, 500e-6, 750e-6, 1e-3, 2e-3, 5e-3, 10e-3, 25e-3, 0.1, 0.5, 2.0,
)  # fmt: skip
"""Bucket bounds in seconds, dense where the time of a decision lies."""
CALL_BOUNDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Bucket bounds in seconds of an LLM call."""
FAILURE_MODES: Final = frozenset({"verbose_wrong_answer", "task_drift", "timeout", "token_bloat", "false_confidence"})
NOT_DECIDED: Final = frozenset({"body_unread", "failed", "model_of_no_arm", "refused", "reported", "url_model"})
"""Reasons beside those of a rewrite: a body that can't be read, a rewrite that failed, a call for a model of no arm, a
caller's own report, a model that only the URL names, a webhook's call without a key, over its rate or denied by the
policy."""
OTHER: Final = "other"
"""Label value in place of unknown names in reports: label values never come from callers."""


class DecisionMetrics:
    """A `DecisionSink` and `OutcomeSink` that updates metrics.

    Parameters
    ----------
    registry
        Where the metrics are registered.
    arms
        Returns the names of the arms that are served now.
    """

    def __init__(self, registry: MetricRegistry, arms: Callable[[], Collection[str]]) -> None:
        self._arms = arms
        count = registry.counter
        self._decisions = count(
            "thinkgate_decisions",
            "Decisions by arm, bucket and who made them: fallback is none where the model did.",
            ("arm", "bucket", "fallback"),
        )
        self._explored = count("thinkgate_explored_decisions", "Decisions that chance had a part in.", ("arm",))
        self._not_applied = count(
            "thinkgate_not_applied",
            "Calls that do not ask the provider for what was decided, or were not decided on, by reason.",
            ("reason", "integration"),
        )
        self._cost = count("thinkgate_expected_cost_usd", "Expected cost of what was decided.", ("arm",))
        self._tokens = count("thinkgate_expected_output_tokens", "Expected output tokens of it.", ("arm",))
        self._success = count("thinkgate_expected_successes", "Expected successes of it.", ("arm",))
        self._alternative_cost = count(
            "thinkgate_alternative_cost_usd", "Expected cost if this arm had served every decision.", ("arm",)
        )
        self._alternative_success = count(
            "thinkgate_alternative_successes", "Expected successes if this arm had served every decision.", ("arm",)
        )
        self._stages = registry.histogram(
            "thinkgate_stage_seconds", "Time of a decision by stage.", ("stage",), STAGE_BOUNDS
        )
        self._engine, self._forecast, self._policy = (
            self._stages.row((stage,)) for stage in ("engine", "forecast", "policy")
        )
        self._read, self._decide, self._send = (self._stages.row((stage,)) for stage in ("read", "decide", "send"))
        self._add_outcomes(registry)

    def decided(self, request: Request, decided: RecordedDecision) -> None:  # noqa: ARG002 - the port says so
        """Count a decision."""
        decision = decided.decision
        name = decision.arm
        arm = (name,)
        self._decisions.add((name, decision.bucket, decision.fallback or "none"))
        if decision.propensity < 1.0 and decided.is_applied:
            self._explored.add(arm)
        applied = decided.applied
        if applied is not None and applied.not_applied:
            self.passed_over(applied.not_applied, applied.integration)
        served = decided.served_arm or name
        for other, estimate in decision.estimates.items():
            label = (other,)
            self._alternative_cost.add(label, estimate.cost_usd)
            self._alternative_success.add(label, estimate.success)
            if other == served:
                self._cost.add(label, estimate.cost_usd)
                self._tokens.add(label, estimate.output_tokens)
                self._success.add(label, estimate.success)
        record = self._stages.record
        record(self._engine, decision.elapsed_us * 1e-6)
        if decided.record is not None:
            record(self._forecast, decided.forecast_us * 1e-6)
            record(self._policy, max(decision.elapsed_us - decided.forecast_us, 0) * 1e-6)

    def passed_over(self, reason: str, integration: Integration | None) -> None:
        """Count a call that does not ask for a decision."""
        self._not_applied.add((reason_label(reason), integration or "caller"))

    def observe_duration(self, read_ns: int, decide_ns: int, send_ns: int) -> None:
        """Record the stages of an HTTP call: reading the body, deciding (which includes the engine), sending."""
        stages = self._stages
        stages.record(self._read, read_ns * 1e-9)
        stages.record(self._decide, decide_ns * 1e-9)
        stages.record(self._send, send_ns * 1e-9)

    def reported(self, outcome: OutcomeRow, decision: DecisionRow | None) -> None:
        """Count an outcome; one that reports another effort than was decided is of no arm here."""
        own = OTHER if decision is None else decision.served_arm or OTHER
        if decision is not None and _contradicts(outcome, decision):
            self.passed_over("reported", None)
            own = OTHER
        name = outcome.arm or own
        if name != own and name not in self._arms():
            name = OTHER
        arm = (name,)
        self._outcomes.add((name, _result(outcome.success)))
        if outcome.cost_usd is not None:
            self._realised_cost.add(arm, outcome.cost_usd)
        for kind, tokens in (
            ("input", outcome.input_tokens),
            ("cached_input", outcome.cached_input_tokens),
            ("output", outcome.output_tokens),
            ("reasoning", outcome.reasoning_tokens),
        ):
            if tokens is not None:
                self._realised_tokens.add((name, kind), tokens)
        if outcome.latency_ms is not None:
            self._latency.observe(outcome.latency_ms * 1e-3, arm)
        if outcome.retries:
            self._retries.add(arm, outcome.retries)
        if outcome.failure_mode is not None:
            known = outcome.failure_mode in FAILURE_MODES
            self._failures.add((name, outcome.failure_mode if known else OTHER))
        if decision is not None and decision.fallback in (None, "prior") and name == own != OTHER:
            self._compare(arm, outcome, decision)

    def _compare(self, arm: tuple[str], outcome: OutcomeRow, decision: DecisionRow) -> None:
        """Sum expected and realised values of the same calls: those whose decision and outcome are both known."""
        if outcome.cost_usd is not None:
            self._matched.add((*arm, "cost_usd", "expected"), decision.expected_cost_usd)
            self._matched.add((*arm, "cost_usd", "realised"), outcome.cost_usd)
        if outcome.output_tokens is not None:
            self._matched.add((*arm, "output_tokens", "expected"), decision.expected_output_tokens)
            self._matched.add((*arm, "output_tokens", "realised"), outcome.output_tokens)
        if outcome.success is not None:
            self._matched.add((*arm, "success", "expected"), decision.expected_success)
            self._matched.add((*arm, "success", "realised"), outcome.success)

    def _add_outcomes(self, registry: MetricRegistry) -> None:
        count = registry.counter
        self._outcomes = count("thinkgate_outcomes", "Outcomes reported.", ("arm", "result"))
        self._realised_cost = count("thinkgate_realised_cost_usd", "Cost of the calls reported.", ("arm",))
        self._realised_tokens = count(
            "thinkgate_realised_tokens", "Tokens of the calls reported; output holds reasoning.", ("arm", "kind")
        )
        self._retries = count("thinkgate_retries", "Retries of the calls reported.", ("arm",))
        self._failures = count("thinkgate_failures", "Failure modes reported.", ("arm", "failure_mode"))
        self._matched = count(
            "thinkgate_matched",
            "Of calls whose decision and truth are both known: what was expected, and what came.",
            ("arm", "quantity", "side"),
        )
        self._latency = registry.histogram(
            "thinkgate_call_seconds", "Latency of the LLM calls reported.", ("arm",), CALL_BOUNDS
        )


def _contradicts(outcome: OutcomeRow, decision: DecisionRow) -> bool:
    """Tell whether a report names another effort or model than the decision's row."""
    effort, model = outcome.applied_effort, outcome.applied_model
    return (effort is not None and effort != (decision.applied_effort or decision.effort)) or (
        model is not None and not same_model(model, decision.applied_model or decision.model)
    )


def _result(success: float | None) -> str:
    """Label a success in [0, 1].

    Examples
    --------
    >>> _result(None), _result(0.5), _result(0.49)
    ('unknown', 'success', 'failure')
    """
    if success is None:
        return "unknown"
    return "success" if success >= 0.5 else "failure"


def reason_label(reason: str) -> str:
    """Bound the reasons why a decision was not applied: an unknown conflict, or an unknown reason, is `other`.

    Examples
    --------
    >>> reason_label("conflict:temperature"), reason_label("conflict:x"), reason_label("tool_loop"), reason_label("x")
    ('conflict:temperature', 'conflict:other', 'tool_loop', 'other')
    """
    if reason in NOT_APPLIED or reason in NOT_DECIDED:
        return reason
    return f"conflict:{OTHER}" if reason.startswith("conflict:") else OTHER
