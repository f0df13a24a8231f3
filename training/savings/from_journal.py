"""Evidence from a journal: replays each decision from its own record under another policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from serving.decision import Decision
from serving.decision.policy import BoundPolicy
from serving.decision.pricing import Usage, cost_of_usage
from serving.decision.selection import DecisionRecord, decide_from_record
from serving.journal import JournalEntry, OutcomeRow, Treatment, treatment_of
from training.errors import BadHistory
from training.savings.evidence import MINIMUM, Evidence, cost_notes, forecasts_of, rate_of


@dataclass(frozen=True, slots=True)
class _Served:
    """A journalled call with a known success, and what another policy decides for it."""

    entry: JournalEntry
    outcome: OutcomeRow
    decision: Decision
    treatment: Treatment

    @property
    def arm(self) -> str:
        """The arm that served: as the caller says, else as it was applied."""
        return self.outcome.arm or self.treatment.arm or self.entry.decision.arm


def from_journal(
    entries: Iterable[JournalEntry], bound_policy: BoundPolicy, per_day: float | None = None, *, seed: int = 0
) -> Evidence:
    """Replay every journalled decision under another policy; no model and no prompt is needed.

    Decisions that a fallback made have no record, and those of other arms do not fit: they are counted, and left out.

    Raises
    ------
    BadHistory
        Too few decisions have a known outcome.
    """
    rng = np.random.default_rng(seed)
    names = tuple(arm.name for arm in bound_policy.arms)
    served: list[_Served] = []
    unapplied: Counter[str] = Counter()
    times: list[float] = []
    unknown = foreign = 0
    for entry in entries:
        times.append(entry.decision.decided_at)
        if entry.outcome is None or entry.outcome.success is None:
            unknown += 1
            continue
        decision = _replayed(entry, bound_policy, float(rng.random()))
        treatment = treatment_of(entry, lambda _: bound_policy.arms)
        if treatment.arm is None:
            unapplied[treatment.why_not] += 1
            continue
        if decision is None or (entry.outcome.arm or treatment.arm) not in names:
            foreign += 1
            continue
        served.append(_Served(entry, entry.outcome, decision, treatment))
    if len(served) < MINIMUM:
        raise BadHistory(
            f"{len(served)} decisions of the journal have an outcome and fit these arms ({unknown} have none, {foreign}"
            f" do not fit, {unapplied.total()} were not applied): report outcomes, or name the arms.toml that was"
            f" served; {MINIMUM} are needed"
        )
    notes = [f"{unknown} decisions without a reported success are left out"] if unknown else []
    notes += [f"{count} decisions are left out: {why}" for why, count in unapplied.items()]
    notes += [f"{foreign} decisions that a fallback made, or of other arms, are left out"] if foreign else []
    # All decisions are the day's traffic, also those whose outcome nobody reported.
    rate, assumed = rate_of(np.array(times), per_day)
    return replace(_journalled(served, names, bound_policy, tuple(notes)), per_day=rate, assumed=assumed)


def _journalled(
    served: Sequence[_Served],
    names: tuple[str, ...],
    bound_policy: BoundPolicy,
    notes: tuple[str, ...],
) -> Evidence:
    shape = (len(served), len(names))
    success, cost, latency, propensity = (np.full(shape, np.nan) for _ in range(4))
    for row, each in enumerate(served):
        entry, outcome = each.entry, each.outcome
        place = names.index(each.arm)
        success[row, place] = outcome.success
        propensity[row, place] = each.treatment.propensity
        cost[row, place] = _paid(entry, outcome, bound_policy, place)
        latency[row, place] = np.nan if outcome.latency_ms is None else outcome.latency_ms
    forecasts = forecasts_of([each.decision for each in served], names)
    return Evidence(
        kind="journal",
        arms=names,
        policy=bound_policy.version,
        success=success,
        cost_usd=cost,
        latency_ms=latency,
        propensity=propensity,
        forecast_success=forecasts[0],
        forecast_cost_usd=forecasts[1],
        chosen=np.array([names.index(each.decision.arm) for each in served], np.int64),
        tasks=np.array([each.entry.decision.task for each in served], object),
        tenants=np.array([each.entry.decision.tenant for each in served], object),
        per_day=0.0,
        assumed=True,
        notes=(*notes, *cost_notes(cost, success)),
    )


def _replayed(entry: JournalEntry, bound_policy: BoundPolicy, uniform: float) -> Decision | None:
    """Decide under the bound policy, with a fresh random draw: the old draw selected the arm whose outcome is known."""
    if entry.decision.replay is None:
        return None
    record = DecisionRecord.from_json(entry.decision.replay)
    if len(record.prediction.success) != len(bound_policy.arms):
        return None
    runtime_state = replace(record.runtime_state, uniform=uniform, cost_multiplier=0.0)
    return decide_from_record(replace(record, policy=bound_policy.version, runtime_state=runtime_state), bound_policy)


def _paid(entry: JournalEntry, outcome: OutcomeRow, bound_policy: BoundPolicy, place: int) -> float:
    """Cost of the call in USD: as reported, else from its tokens; NaN where neither is known."""
    if outcome.cost_usd is not None:
        return outcome.cost_usd
    inputs = outcome.input_tokens
    rates = bound_policy.cards[place].rates(entry.decision.decided_at, inputs or 0)
    if rates.gpu_second:
        seconds = outcome.gpu_seconds
        return float("nan") if seconds is None else seconds * rates.gpu_second
    if inputs is None or outcome.output_tokens is None:
        return float("nan")
    hidden = min(outcome.reasoning_tokens or 0, outcome.output_tokens)
    cached = min(outcome.cached_input_tokens or 0, inputs)
    usage = Usage(inputs, outcome.output_tokens, cached_input_tokens=cached, reasoning_tokens=hidden)
    return cost_of_usage(usage, rates)
