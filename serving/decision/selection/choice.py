"""Chooses one of the offers: what pays, within what is feasible, with a recorded probability.

The rules that keep the choice monotone (more value never lowers effort, a dearer cost never raises it, a deadline never
makes it slower) are written beside the lines that need them; `docs/adr/0011-rules-that-keep-the-choice-of-an-arm-monotone.md` tells the whole story.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.policy.arms import effort_rank
from serving.decision.policy.bound_policy import BoundPolicy
from serving.decision.policy.policy import Terms
from serving.decision.selection.arm_scoring import ArmScore
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.types import EFFORTS, Bucket, Effort, Fallback

Because = Literal["utility", "behaviour", "infeasible", "client", "tool_loop", "explored"]
"""Why the arm was taken; `infeasible`: no arm keeps both deadline and cost cap."""


@fast_dataclass
class UtilityWeights:
    """What the offers are weighed with, all in USD.

    Parameters
    ----------
    value_usd
        Of a success.
    cost_factor
        1 + budget multiplier.
    second_usd
        Of a second of waiting.
    """

    value_usd: float
    cost_factor: float
    second_usd: float

    def gain(self, uplift: float, offer: ArmScore, over: ArmScore) -> float:
        """Give the net benefit in USD of `offer` over another one, at that uplift."""
        return self.value_usd * uplift - self.price(offer, over)

    def price(self, offer: ArmScore, over: ArmScore) -> float:
        """Give what `offer` takes beyond another one, in USD: money, waiting, changing the arm.

        Differences first, then weights: so the sign of a comparison can't flip by rounding when a weight grows.
        """
        waiting = self.second_usd * ((offer.latency_ms - over.latency_ms) * 0.001) if self.second_usd else 0.0
        return self.cost_factor * (offer.cost_usd - over.cost_usd) + (waiting + (offer.extra_usd - over.extra_usd))


@fast_dataclass
class Choice:
    """The arm that was taken and why.

    Parameters
    ----------
    place, effort
        The arm, and the effort to send (a client's own effort may differ from its arm's).
    best
        Place of the arm that pays most among those that think, whatever deadline and cost cap allow.
    rival
        Place of the arm whose arithmetic the reason shows: the chosen one where it thinks, else `best`.
    bucket
        Whether reasoning pays, whatever deadline and cost cap allow.
    propensity
        Probability that this arm was taken, in (0, 1].
    fallback
        Who answered where the model could not.
    because
        Why.
    """

    place: int
    effort: Effort
    best: int
    rival: int
    bucket: Bucket
    propensity: float
    fallback: Fallback | None
    because: Because


def choose_arm(
    record: DecisionRecord, roster: BoundPolicy, terms: Terms, offers: Sequence[ArmScore], weights: UtilityWeights
) -> Choice:
    """Choose an arm.

    Parameters
    ----------
    offers
        (K,) in the roster's order, at least one of them allowed.
    """
    thinking = [place for place in roster.thinking if offers[place].allowed]
    bucket = _bucket(thinking, roster.direct, offers, weights)
    best = _climb(thinking, offers, weights) if thinking else roster.direct
    field = _field(roster, offers)
    forced = _forced(record, roster, terms, offers, field)
    if forced is not None:
        rival = forced.place if forced.place in thinking else best
        return Choice(forced.place, forced.effort, best, rival, bucket, 1.0, None, forced.because)
    aim = _aim(record, terms, bucket)
    place, because = _greedy(aim, thinking, field, offers, weights)
    propensity = 1.0
    if len(field.feasible) > 1 and aim.share > 0.0 and record.runtime_state.session is None:
        drawn = _draw(record.runtime_state.uniform or 0.0, aim.share, field.feasible, place)
        propensity = (1.0 - aim.share if drawn == place else 0.0) + aim.share / len(field.feasible)
        place, because = drawn, because if drawn == place else "explored"
    rival = place if place in thinking else best
    return Choice(place, roster.arms[place].effort, best, rival, bucket, propensity, aim.fallback, because)


@fast_dataclass
class _Field:
    """Places in ladder order: those that may serve, those of them within the cost cap, and those also in time."""

    open: tuple[int, ...]
    affordable: tuple[int, ...]
    feasible: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Forced:
    """An arm that is taken whatever would pay."""

    place: int
    effort: Effort
    because: Because


@fast_dataclass
class _Aim:
    """What the policy wants for this request's bucket and support."""

    behaviour: str
    fallback: Fallback | None
    share: float


def _bucket(thinking: Sequence[int], direct: int, offers: Sequence[ArmScore], weights: UtilityWeights) -> Bucket:
    """Judge over all arms that rules allow: a deadline forbids an arm, it does not make it pay less."""
    bucket: Bucket = "avoid"
    over = offers[direct]
    for place in thinking:
        offer = offers[place]
        if weights.gain(offer.lower - over.upper, offer, over) > 0.0:
            return "use"
        if weights.gain(offer.upper - over.lower, offer, over) > 0.0:
            bucket = "maybe"
    return bucket


def _climb(places: Sequence[int], offers: Sequence[ArmScore], weights: UtilityWeights) -> int:
    """Give the arm with the highest utility; where two are level, the one with less effort.

    `places` come in ladder order, and a step up must pay for itself.
    """
    current = places[0]
    for place in places[1:]:
        step = offers[place].uplift - offers[current].uplift
        if weights.gain(step, offers[place], offers[current]) > 0.0:
            current = place
    return current


def _field(roster: BoundPolicy, offers: Sequence[ArmScore]) -> _Field:
    allowed = [place for place in roster.ladder if offers[place].allowed]
    candidates = tuple(place for place in allowed if offers[place].sound) or tuple(allowed)
    affordable = tuple(place for place in candidates if offers[place].affordable)
    return _Field(candidates, affordable, tuple(place for place in affordable if offers[place].in_time))


def _forced(
    record: DecisionRecord, roster: BoundPolicy, terms: Terms, offers: Sequence[ArmScore], field: _Field
) -> _Forced | None:
    context, session = record.context, record.runtime_state.session
    if session is not None and (context.tool_loop or session.open_tool_loop):
        before = roster.index_of(session.arm)
        if before is not None and offers[before].allowed:
            rank = effort_rank(session.effort) if session.effort else roster.ranks[before]
            return _Forced(before, EFFORTS[min(rank, effort_rank(terms.max_effort))], "tool_loop")
    if context.client_effort is None or terms.client_effort == "ignore":
        return None
    rank = min(effort_rank(context.client_effort), effort_rank(terms.max_effort))

    def distance(place: int) -> tuple[int, bool, int]:
        other_model = context.model is not None and roster.arms[place].model != context.model
        return abs(roster.ranks[place] - rank), other_model, roster.ladder.index(place)

    meant = min(roster.ladder, key=distance)
    if meant in (field.affordable or field.open):
        return _Forced(meant, EFFORTS[rank], "client")
    place = min(field.affordable, key=distance) if field.affordable else _cheapest(field.open, offers)
    return _Forced(place, roster.arms[place].effort, "client")


def _aim(record: DecisionRecord, terms: Terms, bucket: Bucket) -> _Aim:
    low = record.cold_start or record.prediction.support < terms.min_support
    behaviour: str = terms.maybe if bucket == "maybe" else "expected"
    fallback: Fallback | None = None
    if low:
        behaviour = "prior" if record.cold_start else terms.low_support
        fallback = "baseline" if behaviour == "baseline" else "reason" if behaviour == "reason" else "prior"
    exploring = terms.exploration
    share = exploring.explore if behaviour == "explore" else exploring.share(bucket)
    # A tool loop whose first arm is unknown must come out as its first turn did: no draw.
    may_draw = record.runtime_state.explore and not record.context.tool_loop
    return _Aim(behaviour, fallback, share if may_draw else 0.0)


def _greedy(
    aim: _Aim, thinking: Sequence[int], field: _Field, offers: Sequence[ArmScore], weights: UtilityWeights
) -> tuple[int, Because]:
    # The cost cap comes first: were the fastest arm taken where none is affordable, a dearer price could raise effort.
    if not field.affordable:
        return _cheapest(field.open, offers), "infeasible"
    if not field.feasible:
        return min(field.affordable, key=lambda place: offers[place].latency_p95_ms), "infeasible"
    if aim.behaviour == "baseline":
        return (0 if 0 in field.feasible else field.feasible[0]), "behaviour"
    if aim.behaviour == "reason":
        able = [place for place in field.feasible if place in thinking]
        return _climb(able or field.feasible, offers, weights), "behaviour"
    return _climb(field.feasible, offers, weights), "utility"


def _cheapest(places: Sequence[int], offers: Sequence[ArmScore]) -> int:
    return min(places, key=lambda place: offers[place].cost_usd)


def _draw(uniform: float, share: float, feasible: Sequence[int], greedy: int) -> int:
    """Take the greedy arm, or for the first `share` of the unit interval each feasible arm in turn."""
    if uniform >= share:
        return greedy
    return feasible[min(int(uniform / share * len(feasible)), len(feasible) - 1)]
