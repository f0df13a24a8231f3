"""Binds arms, policy and prices together, checks that they fit, and precomputes what every decision needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.decision.errors import BadArms, BadPolicy
from serving.decision.policy.arms import effort_rank
from serving.decision.policy.policy import Policy, Rule, Terms
from serving.decision.pricing import PriceBook, RateCard
from serving.decision.types import Arm


@dataclass(frozen=True, slots=True)
class BoundPolicy:
    """A policy with the K arms and prices that it decides about.

    Parameters
    ----------
    cards
        (K,) rates.
    ranks
        (K,) rank of each arm's effort on the effort scale.
    by_effort
        (K,) indices of the arms, least effort first; the order in which they are compared.
    reasoning
        Indices of the arms that reason: more effort than the least. All but the baseline where every arm has the same
        effort.
    reference
        Index of the arm that these are compared with: the first of least effort, which is the baseline unless the
        baseline itself reasons.
    version
        Identifies policy and prices in every decision.
    """

    arms: tuple[Arm, ...]
    policy: Policy
    cards: tuple[RateCard, ...]
    ranks: tuple[int, ...]
    by_effort: tuple[int, ...]
    reasoning: tuple[int, ...]
    reference: int
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
    _check_fit(policy, arms, least)
    return BoundPolicy(
        arms=tuple(arms),
        policy=policy,
        cards=tuple(prices.card(arm.name) for arm in arms),
        ranks=ranks,
        by_effort=tuple(sorted(range(len(arms)), key=lambda index: (ranks[index], index))),
        reasoning=tuple(index for index, rank in enumerate(ranks) if rank > least) or tuple(range(1, len(arms))),
        reference=ranks.index(least),
        version=f"{policy.version}+{prices.version}",
    )


def _check_fit(policy: Policy, arms: Sequence[Arm], least: int) -> None:
    names = [arm.name for arm in arms]
    faults = [fault for rule in policy.rules for fault in _unknown_arms(rule, names)]
    tenants: list[tuple[str, Terms]] = [("", policy.terms), *policy.tenants.items()]
    for tenant, terms in tenants:
        if effort_rank(terms.max_effort) < least:
            where = f"tenant.{tenant}.max_effort" if tenant else "max_effort"
            faults.append(f"policy {policy.name!r}, {where}: no arm has an effort of {terms.max_effort!r} or less")
    if faults:
        raise BadPolicy("\n".join(faults))


def _unknown_arms(rule: Rule, names: Sequence[str]) -> list[str]:
    where = f"line {rule.line}, " if rule.line else ""
    return [
        f"{where}rule: {name!r} is not an arm; the arms are {', '.join(names)}"
        for name in (*rule.allow, *rule.deny)
        if name not in names
    ]
