"""Policy values: which rule matches, which terms hold, and a hash that journalled decisions can rely on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.decision.policy.controls import BudgetSettings, HealthSettings, SessionSettings
from serving.decision.policy.policy import Exploration, Policy, Rule, Terms
from serving.decision.types import Usd


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (Rule(deny=("high",)), True),
        (Rule(tasks=("code", "maths")), True),
        (Rule(tasks=("code",)), False),
        (Rule(tenants=("acme",)), True),
        (Rule(tenants=("other",)), False),
        (Rule(headers={"x-tier": "batch"}), True),
        (Rule(headers={"x-tier": "fast"}), False),
        (Rule(headers={"x-tier": "*"}), True),
        (Rule(headers={"x-tier": "*", "x-other": "*"}), False),
        (Rule(tasks=("maths",), tenants=("other",)), False),
    ],
)
def test_a_rule_matches_where_every_condition_holds(rule: Rule, matches: bool) -> None:
    assert rule.matches("maths", "acme", {"x-tier": "batch"}) is matches


def test_a_condition_on_the_task_does_not_match_an_unknown_one() -> None:
    assert not Rule(tasks=("maths",)).matches(None, None, {})


def test_the_value_of_a_success_is_the_tasks_or_else_the_default() -> None:
    terms = Terms(value_of_success_usd=Usd(1.0), value_by_task={"maths": Usd(3.0), "trivia": Usd(0.0)})
    assert [terms.value(task) for task in ("maths", "trivia", "code", None)] == [3.0, 0.0, 1.0, 1.0]


def test_each_bucket_has_its_own_share() -> None:
    exploration = Exploration(use=0.1, maybe=0.2, avoid=0.3)
    assert [exploration.share(bucket) for bucket in ("use", "maybe", "avoid")] == [0.1, 0.2, 0.3]


def test_tenants_without_terms_share_the_common_ones() -> None:
    policy = Policy(tenants={"acme": Terms(maybe="reason")})
    assert policy.terms_for("acme").maybe == "reason"
    assert policy.terms_for("other") is policy.terms_for(None) is policy.terms


FULL = Policy(
    name="careful",
    terms=Terms(budget=BudgetSettings(day_usd=Usd(10.0))),
    tenants={"own": Terms(budget=BudgetSettings(hour_usd=Usd(1.0), pool="own"))},
    rules=(Rule(deny=("high",), headers={"x-tier": "batch"}, line=3),),
    guards=HealthSettings(probes=3),
    sessions=SessionSettings(cache_minutes=7.0),
    seed=7,
)


def test_versions_in_journals_of_earlier_releases_still_hold() -> None:
    assert Policy().version == "default@21927687"
    assert FULL.version == "careful@66ff638e"


def test_the_digest_covers_every_field_that_decides() -> None:
    changed = [
        replace(FULL, terms=Terms()),
        replace(FULL, tenants={"own": Terms(budget=BudgetSettings(hour_usd=Usd(1.0), pool="other"))}),
        replace(FULL, rules=()),
        replace(FULL, guards=HealthSettings()),
        replace(FULL, sessions=SessionSettings()),
        replace(FULL, seed=8),
    ]
    assert len({policy.digest for policy in (FULL, *changed)}) == 7


def test_later_keys_leave_the_digest_of_older_policies_alone() -> None:
    assert Policy().digest == "21927687", "journals of the first release name their policy by it"
    assert Policy(terms=Terms(inside_tool_loops="where_allowed")).digest != Policy().digest


def test_the_digest_ignores_text_and_lines() -> None:
    moved = replace(FULL, text="# moved", rules=(replace(FULL.rules[0], line=99),))
    assert moved.digest == FULL.digest
