"""Chooses one arm: the highest net benefit among the feasible arms, with a recorded propensity.

The rules that keep the choice monotone (more value never lowers effort, a dearer cost never raises it, a deadline never
makes it slower) are stated beside the lines that need them and argued in ADR 0011.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.policy import BoundPolicy, Terms, effort_rank
from serving.decision.selection.arm_scoring import ArmScore
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.types import EFFORTS, Bucket, Effort, Fallback

Because = Literal["utility", "behaviour", "infeasible", "client", "tool_loop", "explored"]
"""Why the arm was chosen; `infeasible`: no arm keeps both deadline and cost cap."""


@fast_dataclass
class UtilityWeights:
    """Weights that turn success, cost and latency into USD.

    Parameters
    ----------
    value_usd
        Value of a success.
    cost_factor
        1 + budget multiplier.
    second_usd
        Price of a second of latency.
    """

    value_usd: float
    cost_factor: float
    second_usd: float

    def net_benefit(self, uplift: float, score: ArmScore, reference: ArmScore) -> float:
        """Compute the net benefit in USD of an arm over a reference arm, at the given uplift over it."""
        return self.value_usd * uplift - self.extra_cost(score, reference)

    def extra_cost(self, score: ArmScore, reference: ArmScore) -> float:
        """Compute what an arm costs beyond a reference arm, in USD: money, latency, change of arm.

        Differences first, then weights: so the sign of a comparison can't flip by rounding when a weight grows.
        """
        latency = self.second_usd * ((score.latency_ms - reference.latency_ms) * 0.001) if self.second_usd else 0.0
        cost = self.cost_factor * (score.cost_usd - reference.cost_usd)
        return cost + (latency + (score.switching_usd - reference.switching_usd))


@fast_dataclass
class Choice:
    """The chosen arm and why.

    Parameters
    ----------
    index, effort
        The arm, and the effort to send (a client's own effort may differ from its arm's).
    best
        Index of the reasoning arm with the highest utility, regardless of deadline and cost cap.
    explained
        Index of the arm whose net benefit the reason shows: the chosen one where it reasons, else `best`.
    bucket
        Whether reasoning pays, regardless of deadline and cost cap.
    propensities
        (K,) probability of each arm to be chosen, in the order of the arms; they sum to 1.
    fallback
        What decided in place of the model, where support was too low.
    because
        Why.
    """

    index: int
    effort: Effort
    best: int
    explained: int
    bucket: Bucket
    propensities: tuple[float, ...]
    fallback: Fallback | None
    because: Because

    @property
    def propensity(self) -> float:
        """Probability that this arm was chosen, in (0, 1]."""
        return self.propensities[self.index]


def choose_arm(
    record: DecisionRecord,
    bound_policy: BoundPolicy,
    terms: Terms,
    scores: Sequence[ArmScore],
    weights: UtilityWeights,
) -> Choice:
    """Choose an arm.

    Parameters
    ----------
    scores
        (K,) in the order of the arms, at least one of them allowed.
    """
    scores = _within_loop(record, bound_policy, terms, scores)
    reasoning = [index for index in bound_policy.reasoning if scores[index].allowed]
    bucket = _bucket(reasoning, bound_policy.reference, scores, weights)
    best = _highest_utility(reasoning, scores, weights) if reasoning else bound_policy.reference
    candidates = _candidates(bound_policy, scores)
    forced = _forced(record, bound_policy, terms, scores, candidates)
    if forced is not None:
        explained = forced.index if forced.index in reasoning else best
        certain = _draw_probabilities(len(scores), 0.0, (), forced.index)
        return Choice(forced.index, forced.effort, best, explained, bucket, certain, None, forced.because)
    plan = _plan(record, terms, bucket)
    index, because = _exploit(plan, reasoning, candidates, scores, weights)
    propensities = _draw_probabilities(len(scores), 0.0, (), index)
    if len(candidates.feasible) > 1 and plan.share > 0.0 and record.runtime_state.session is None:
        drawn = _draw(record.runtime_state.uniform or 0.0, plan.share, candidates.feasible, index)
        propensities = _draw_probabilities(len(scores), plan.share, candidates.feasible, index)
        index, because = drawn, because if drawn == index else "explored"
    explained = index if index in reasoning else best
    effort = bound_policy.arms[index].effort
    return Choice(index, effort, best, explained, bucket, propensities, plan.fallback, because)


@fast_dataclass
class _Candidates:
    """Indices by rising effort: arms that may serve, those of them within the cost cap, and those also in time."""

    open: tuple[int, ...]
    affordable: tuple[int, ...]
    feasible: tuple[int, ...]


@fast_dataclass
class _Forced:
    """An arm that is chosen regardless of utility."""

    index: int
    effort: Effort
    because: Because


@fast_dataclass
class _Plan:
    """The policy's behaviour for a bucket and support, and the share of requests that explore."""

    behaviour: str
    fallback: Fallback | None
    share: float


def _bucket(reasoning: Sequence[int], direct: int, scores: Sequence[ArmScore], weights: UtilityWeights) -> Bucket:
    """Classify over all allowed arms: a deadline forbids an arm, it does not make it pay less."""
    bucket: Bucket = "avoid"
    reference = scores[direct]
    for index in reasoning:
        score = scores[index]
        if weights.net_benefit(score.uplift_lower - reference.uplift_upper, score, reference) > 0.0:
            return "use"
        if weights.net_benefit(score.uplift_upper - reference.uplift_lower, score, reference) > 0.0:
            bucket = "maybe"
    return bucket


def may_change_in_loop(loop_is_open_to_change: bool, terms: Terms) -> bool:
    """Tell whether an open tool loop may go on at another effort: its protocol and the policy allow it."""
    return loop_is_open_to_change and terms.inside_tool_loops == "where_allowed"


def _within_loop(
    record: DecisionRecord, bound_policy: BoundPolicy, terms: Terms, scores: Sequence[ArmScore]
) -> Sequence[ArmScore]:
    """Disallow arms of another model in an open tool loop that may change its effort."""
    context, session = record.context, record.runtime_state.session
    if session is None or not context.tool_loop or not may_change_in_loop(context.loop_is_open_to_change, terms):
        return scores
    previous = bound_policy.index_of(session.arm)
    if previous is None:
        return scores
    model = bound_policy.arms[previous].model
    inside = [
        score if arm.model == model else replace(score, allowed=False)
        for score, arm in zip(scores, bound_policy.arms, strict=True)
    ]
    return inside if any(score.allowed for score in inside) else scores


def _highest_utility(indices: Sequence[int], scores: Sequence[ArmScore], weights: UtilityWeights) -> int:
    """Find the arm with the highest utility; of equal ones, the one with less effort.

    `indices` are sorted by rising effort, and each step up must pay for itself.
    """
    current = indices[0]
    for index in indices[1:]:
        uplift = scores[index].uplift - scores[current].uplift
        if weights.net_benefit(uplift, scores[index], scores[current]) > 0.0:
            current = index
    return current


def _candidates(bound_policy: BoundPolicy, scores: Sequence[ArmScore]) -> _Candidates:
    allowed = [index for index in bound_policy.by_effort if scores[index].allowed]
    candidates = tuple(index for index in allowed if scores[index].sound) or tuple(allowed)
    affordable = tuple(index for index in candidates if scores[index].affordable)
    return _Candidates(candidates, affordable, tuple(index for index in affordable if scores[index].in_time))


def _forced(
    record: DecisionRecord,
    bound_policy: BoundPolicy,
    terms: Terms,
    scores: Sequence[ArmScore],
    candidates: _Candidates,
) -> _Forced | None:
    """Find the arm that an open tool loop or the client's own effort requires."""
    context, session = record.context, record.runtime_state.session
    if session is not None and (context.tool_loop or session.open_tool_loop):
        previous = bound_policy.index_of(session.arm)
        changes = may_change_in_loop(context.loop_is_open_to_change, terms)
        if previous is not None and scores[previous].allowed and not changes:
            rank = effort_rank(session.effort) if session.effort else bound_policy.ranks[previous]
            return _Forced(previous, EFFORTS[min(rank, effort_rank(terms.max_effort))], "tool_loop")
    if context.client_effort is None or terms.client_effort == "ignore":
        return None
    if context.client_default and terms.client_effort == "default":
        return None
    rank = min(effort_rank(context.client_effort), effort_rank(terms.max_effort))

    def distance(index: int) -> tuple[int, bool, int]:
        other_model = context.model is not None and not bound_policy.arms[index].goes_by(context.model)
        return abs(bound_policy.ranks[index] - rank), other_model, bound_policy.by_effort.index(index)

    nearest = min(bound_policy.by_effort, key=distance)
    if nearest in (candidates.affordable or candidates.open):
        return _Forced(nearest, EFFORTS[rank], "client")
    index = min(candidates.affordable, key=distance) if candidates.affordable else _cheapest(candidates.open, scores)
    return _Forced(index, bound_policy.arms[index].effort, "client")


def _plan(record: DecisionRecord, terms: Terms, bucket: Bucket) -> _Plan:
    behaviour: str = terms.maybe if bucket == "maybe" else "expected"
    fallback: Fallback | None = None
    if record.cold_start or record.prediction.support < terms.min_support:
        behaviour = "prior" if record.cold_start else terms.low_support
        fallback = "baseline" if behaviour == "baseline" else "reason" if behaviour == "reason" else "prior"
    exploration = terms.exploration
    share = exploration.explore if behaviour == "explore" else exploration.share(bucket)
    # A tool loop whose first arm is unknown must be decided as its first turn was: no draw.
    may_draw = record.runtime_state.explore and not record.context.tool_loop
    return _Plan(behaviour, fallback, share if may_draw else 0.0)


def _exploit(
    plan: _Plan,
    reasoning: Sequence[int],
    candidates: _Candidates,
    scores: Sequence[ArmScore],
    weights: UtilityWeights,
) -> tuple[int, Because]:
    """Choose without exploration."""
    # The cost cap comes first: were the fastest arm taken where none is affordable, a dearer price could raise effort.
    if not candidates.affordable:
        return _cheapest(candidates.open, scores), "infeasible"
    if not candidates.feasible:
        return min(candidates.affordable, key=lambda index: scores[index].latency_p95_ms), "infeasible"
    if plan.behaviour == "baseline":
        return (0 if 0 in candidates.feasible else candidates.feasible[0]), "behaviour"
    if plan.behaviour == "reason":
        feasible_reasoning = [index for index in candidates.feasible if index in reasoning]
        return _highest_utility(feasible_reasoning or candidates.feasible, scores, weights), "behaviour"
    return _highest_utility(candidates.feasible, scores, weights), "utility"


def _cheapest(indices: Sequence[int], scores: Sequence[ArmScore]) -> int:
    return min(indices, key=lambda index: scores[index].cost_usd)


def _draw(uniform: float, share: float, feasible: Sequence[int], greedy: int) -> int:
    """Take the greedy arm, or for the first `share` of the unit interval each feasible arm in turn."""
    if uniform >= share:
        return greedy
    return feasible[min(int(uniform / share * len(feasible)), len(feasible) - 1)]


def _draw_probabilities(arms: int, share: float, feasible: Sequence[int], greedy: int) -> tuple[float, ...]:
    """Give the probability of each arm under `_draw`."""
    each = share / len(feasible) if feasible else 0.0
    return tuple(1.0 - share + each if index == greedy else each if index in feasible else 0.0 for index in range(arms))
