"""Binds arms, policy and prices together, checks that they fit, and works out once what every decision needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.decision.errors import BadArms, BadPolicy
from serving.decision.policy.arms import effort_rank
from serving.decision.policy.policy import Policy, Rule, Terms
from serving.decision.pricing.price_book import PriceBook
from serving.decision.pricing.rate_card import RateCard
from serving.decision.types import Arm


@dataclass(frozen=True, slots=True)
class BoundPolicy:
    """The K arms as the policy sees them.

    Parameters
    ----------
    ranks
        (K,) place of each arm's effort on the scale.
    ladder
        (K,) places of the arms, least effort first; the order in which they are weighed.
    thinking
        Places of the arms that reason: more effort than the least. All but the baseline where every arm has the same
        effort.
    direct
        Place of the arm that they are compared with: the baseline, unless it thinks itself.
    version
        Names policy and prices in every decision.
    """

    arms: tuple[Arm, ...]
    policy: Policy
    cards: tuple[RateCard, ...]
    ranks: tuple[int, ...]
    ladder: tuple[int, ...]
    thinking: tuple[int, ...]
    direct: int
    version: str

    def index_of(self, arm: str) -> int | None:
        """Find the index of an arm by name; None if it is unknown."""
        for index, candidate in enumerate(self.arms):
            if candidate.name == arm:
                return index
        return None


def bind_policy(arms: Sequence[Arm], policy: Policy, prices: PriceBook) -> BoundPolicy:
    """Bind arms, policy and prices.

    Parameters
    ----------
    arms
        K >= 2, the first is the baseline.

    Raises
    ------
    BadArms
        Fewer than two arms.
    BadPolicy
        A rule names an arm that does not exist, or `max_effort` leaves no arm.
    Unpriced
        The price book lacks an arm.
    """
    if len(arms) < 2:
        raise BadArms(f"{len(arms)} arms: a decision needs at least two")
    ranks = tuple(effort_rank(arm.effort) for arm in arms)
    least = min(ranks)
    thinking = tuple(place for place, rank in enumerate(ranks) if rank > least)
    return BoundPolicy(
        arms=tuple(arms),
        policy=_fitting(policy, arms, least),
        cards=tuple(prices.card(arm.name) for arm in arms),
        ranks=ranks,
        ladder=tuple(sorted(range(len(arms)), key=lambda place: (ranks[place], place))),
        thinking=thinking or tuple(range(1, len(arms))),
        direct=ranks.index(least),
        version=f"{policy.version}+{prices.version}",
    )


def _fitting(policy: Policy, arms: Sequence[Arm], least: int) -> Policy:
    names = [arm.name for arm in arms]
    faults = [fault for rule in policy.rules for fault in _strangers(rule, names)]
    tenants: list[tuple[str, Terms]] = [("", policy.terms), *policy.tenants.items()]
    for tenant, terms in tenants:
        if effort_rank(terms.max_effort) < least:
            where = f"tenant.{tenant}.max_effort" if tenant else "max_effort"
            faults.append(f"policy {policy.name!r}, {where}: no arm has an effort of {terms.max_effort!r} or less")
    if faults:
        raise BadPolicy("\n".join(faults))
    return policy


def _strangers(rule: Rule, names: Sequence[str]) -> list[str]:
    where = f"line {rule.line}, " if rule.line else ""
    return [
        f"{where}rule: {name!r} is not an arm; the arms are {', '.join(names)}"
        for name in (*rule.allow, *rule.deny)
        if name not in names
    ]
