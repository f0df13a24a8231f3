"""Binding a policy to arms and prices: order by effort, the reference arm, the version, and what does not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.decision.errors import BadArms, BadPolicy, Unpriced
from serving.decision.policy.bound_policy import BoundPolicy, bind_policy
from serving.decision.policy.policy import Policy, Rule, Terms
from serving.decision.pricing.price_book import price_book
from serving.decision.types import Arm, Price
from tests.support.policy_cases import ARMS, DIRECT, HIGH, LOW


def bind(*arms: Arm, policy: Policy | None = None) -> BoundPolicy:
    return bind_policy(arms, policy or Policy(), price_book(arms))


def test_arms_are_ordered_by_effort_and_compared_with_the_least() -> None:
    bound_policy = bind(HIGH, DIRECT, LOW)
    assert bound_policy.ranks == (4, 0, 2)
    assert bound_policy.by_effort == (1, 2, 0)
    assert (bound_policy.reference, bound_policy.reasoning) == (1, (0, 2))


def test_of_arms_of_the_same_effort_all_but_the_baseline_count_as_reasoning() -> None:
    small, large = replace(DIRECT, name="small"), replace(DIRECT, name="large", model="n")
    bound_policy = bind(small, large)
    assert (bound_policy.by_effort, bound_policy.reference, bound_policy.reasoning) == ((0, 1), 0, (1,))


def test_cards_follow_the_order_of_the_arms() -> None:
    arms = (HIGH, DIRECT)
    bound_policy = bind_policy(arms, Policy(), price_book((DIRECT, HIGH)))
    assert [card.arm for card in bound_policy.cards] == ["high", "direct"]


def test_arms_are_found_by_name() -> None:
    bound_policy = bind(*ARMS)
    assert [bound_policy.index_of(name) for name in ("direct", "high", "gone")] == [0, 2, None]


def test_the_version_changes_with_policy_and_with_prices() -> None:
    versions = {
        bind(*ARMS).version,
        bind(*ARMS, policy=Policy(terms=Terms(maybe="reason"))).version,
        bind(DIRECT, LOW, replace(HIGH, price=Price(1.0, 11.0))).version,
    }
    assert len(versions) == 3
    assert bind(*ARMS).version == f"{Policy().version}+{price_book(ARMS).version}"


def test_one_arm_is_refused() -> None:
    with pytest.raises(BadArms, match="1 arms: a decision needs at least two"):
        bind(DIRECT)


def test_all_faults_of_a_policy_are_named_at_once() -> None:
    policy = Policy(
        rules=(Rule(deny=("hgih",), line=7), Rule(allow=("lwo",))),
        tenants={"acme": Terms(max_effort="none")},
    )
    with pytest.raises(BadPolicy) as caught:
        bind(LOW, HIGH, policy=policy)
    assert str(caught.value).splitlines() == [
        "line 7, rule: 'hgih' is not an arm; the arms are low, high",
        "rule: 'lwo' is not an arm; the arms are low, high",
        "policy 'default', tenant.acme.max_effort: no arm has an effort of 'none' or less",
    ]


def test_an_arm_outside_the_price_book_is_refused() -> None:
    with pytest.raises(Unpriced, match="'high' is not in this price book"):
        bind_policy((DIRECT, HIGH), Policy(), price_book((DIRECT, LOW)))
