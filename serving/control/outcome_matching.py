"""Matches reported outcomes with what was forecast for the call, within a bounded memory of recent decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from serving.decision import RecordedDecision, fast_dataclass
from serving.decision.providers import same_model
from serving.journal import DecisionRow, OutcomeRow
from serving.packed_cache import PackedCache

_UNKNOWN_MS = 0.0
"""In place of a latency that nothing was forecast of."""
_WRONG = frozenset({"verbose_wrong_answer", "task_drift", "false_confidence"})
"""Failure modes that say that the answer was no success, where the report does not."""


@fast_dataclass
class ExpectedOutcome:
    """What was forecast for the arm that served.

    Parameters
    ----------
    model, effort
        That the provider was asked for, as far as is known.
    success, tokens, latency_ms
        As the model forecast them, before guards had a say.
    latency_p95_ms, cost_usd
        As the decision told them; the latency is 0 where nothing was forecast of what served.
    reported_cost_usd, judged
        What an earlier report on the same call said.
    """

    arm: str
    model: str
    effort: str
    task: str | None
    tenant: str | None
    decided_at: float
    success: float
    tokens: float
    latency_ms: float | None
    latency_p95_ms: float
    cost_usd: float
    reported_cost_usd: float | None = None
    judged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchedOutcome:
    """One report beside what was expected of the call; fields that an earlier report named already are None.

    Parameters
    ----------
    success
        In [0, 1].
    earlier_cost_usd
        What an earlier report said in place of `cost_usd`.
    """

    arm: str
    task: str | None
    tenant: str | None
    decided_at: float
    expected_success: float
    expected_tokens: float
    expected_latency_ms: float | None
    expected_latency_p95_ms: float
    expected_cost_usd: float
    success: float | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    latency_ms: float | None = None
    retries: int | None = None
    cost_usd: float | None = None
    earlier_cost_usd: float | None = None
    failure_mode: str | None = None


class OutcomeMatcher:
    """The latest decisions of this process; a bounded memory.

    Parameters
    ----------
    most
        Calls that are remembered; the oldest are forgotten first.
    """

    def __init__(self, most: int = 50_000) -> None:
        self._calls = PackedCache(ExpectedOutcome, most)

    def __len__(self) -> int:
        """Count the calls that are remembered."""
        return len(self._calls)

    def arm(self, decision_id: str) -> str | None:
        """Name the arm of a call, None where it is not remembered."""
        expected = self._calls.get(decision_id)
        return expected.arm if expected else None

    def learn(self, decided: RecordedDecision) -> None:
        """Remember what a decision expects."""
        record, decision = decided.record, decided.decision
        if record is None:
            return
        arms = list(decision.estimates)
        arm = decided.served_arm if decided.served_arm in arms else None
        place = arms.index(arm or decision.arm)
        estimate, prediction = decision.estimates[arms[place]], record.prediction
        expected = ExpectedOutcome(
            arm=arms[place],
            model=decision.model if decided.applied is None else decided.applied.model or decision.model,
            effort=decision.effort if decided.applied is None else decided.applied.effort or decision.effort,
            task=record.context.task,
            tenant=record.context.tenant,
            decided_at=record.now,
            success=prediction.success[place],
            tokens=prediction.output_tokens_mean[place],
            latency_ms=prediction.latency_mean_ms[place],
            latency_p95_ms=_UNKNOWN_MS if arm is None else prediction.latency_p95_ms[place],
            cost_usd=estimate.cost_usd,
        )
        self._calls.put(decision.decision_id, expected)

    def hold(self, outcome: OutcomeRow, decision: DecisionRow | None) -> MatchedOutcome | None:
        """Hold a report against what was expected; None where nobody knows what was.

        Parameters
        ----------
        decision
            What the journal knows of a call that another worker, or one before a restart, decided.
        """
        expected = self._calls.get(outcome.decision_id)
        if expected is None:
            if decision is None:
                return None
            expected = _from_row(decision)
        told = {
            name: getattr(outcome, name)
            for name in ("success", "output_tokens", "reasoning_tokens", "latency_ms", "retries", "failure_mode")
            if getattr(outcome, name) is not None and name not in expected.judged
        }
        if "success" not in (*expected.judged, *told) and told.get("failure_mode") in _WRONG:
            told["success"] = 0.0
        earlier = expected.reported_cost_usd
        cost = outcome.cost_usd if outcome.cost_usd != earlier else None
        judged = (*expected.judged, *told)
        reported = earlier if outcome.cost_usd is None else outcome.cost_usd
        if _says_otherwise(outcome, expected):
            expected = replace(expected, latency_p95_ms=_UNKNOWN_MS)  # later reports on this call know no better
        self._calls.put(outcome.decision_id, replace(expected, judged=judged, reported_cost_usd=reported))
        if expected.latency_p95_ms <= 0.0 or (outcome.arm is not None and outcome.arm != expected.arm):
            # Nothing was forecast of what served, or it was another arm than the one decided: only what it cost counts.
            told = {}
        return MatchedOutcome(
            arm=expected.arm,
            task=expected.task,
            tenant=expected.tenant,
            decided_at=expected.decided_at,
            expected_success=expected.success,
            expected_tokens=expected.tokens,
            expected_latency_ms=expected.latency_ms,
            expected_latency_p95_ms=expected.latency_p95_ms,
            expected_cost_usd=expected.cost_usd,
            cost_usd=cost,
            earlier_cost_usd=earlier,
            **told,
        )


def _says_otherwise(outcome: OutcomeRow, expected: ExpectedOutcome) -> bool:
    """Tell whether a report names another effort or model than the call is known by."""
    effort, model = outcome.applied_effort, outcome.applied_model
    return effort not in (None, expected.effort) or (model is not None and not same_model(model, expected.model))


def _from_row(decision: DecisionRow) -> ExpectedOutcome:
    return ExpectedOutcome(
        arm=decision.served_arm or decision.arm,
        model=decision.applied_model or decision.model,
        effort=decision.applied_effort or decision.effort,
        task=decision.task,
        tenant=decision.tenant,
        decided_at=decision.decided_at,
        success=decision.expected_success,
        tokens=decision.expected_output_tokens,
        latency_ms=None,
        latency_p95_ms=_UNKNOWN_MS if decision.served_arm is None else decision.expected_latency_p95_ms,
        cost_usd=decision.expected_cost_usd,
    )
