"""The tables of `policy.toml` for budget, guards and sessions: read, defaulted, refused by line and key."""

from __future__ import annotations

import re

import pytest

from serving.decision.errors import BadPolicy
from serving.decision.policy.controls import BudgetSettings, HealthSettings, SessionSettings
from serving.decision.policy.policy_file import parse_policy
from serving.decision.types import Usd


def test_every_setting_is_read() -> None:
    policy = parse_policy("""
[budget]
hour_usd = 1
day_usd = 20
month_usd = 500
hard_stop = true
[guards]
shed_above = 0.3
recover_below = 0.05
late_factor = 3
min_calls = 7
half_life_seconds = 120
hold_seconds = 10
probe_share = 0.2
probes = 4
bloat_above = 2
success_half_life_hours = 12
max_success_shift = 0.1
[sessions]
session_minutes = 30
cache_minutes = 7
""")
    assert policy.terms.budget == BudgetSettings(Usd(1.0), Usd(20.0), Usd(500.0), hard_stop=True)
    assert policy.guards == HealthSettings(0.3, 0.05, 3.0, 7, 120.0, 10.0, 0.2, 4, 2.0, 12.0, 0.1)
    assert policy.sessions == SessionSettings(30.0, 7.0)


def test_missing_tables_mean_the_defaults() -> None:
    policy = parse_policy("")
    assert policy.terms.budget == BudgetSettings()
    assert (policy.guards, policy.sessions) == (HealthSettings(), SessionSettings())


def test_a_budget_of_a_tenant_replaces_the_shared_one_whole_but_keeps_the_hard_stop() -> None:
    policy = parse_policy("[budget]\nday_usd = 10\nhard_stop = true\n[tenant.own.budget]\nhour_usd = 1")
    assert policy.terms_for("own").budget == BudgetSettings(hour_usd=Usd(1.0), hard_stop=True, pool="own")


def test_a_tenant_shares_the_budget_unless_it_has_its_own() -> None:
    policy = parse_policy("""
[budget]
day_usd = 10
[tenant.acme]
maybe = "baseline"
[tenant.own.budget]
hour_usd = 1
""")
    assert policy.terms_for("acme").budget.pool == policy.terms_for(None).budget.pool == ""
    assert policy.terms_for("acme").budget is policy.terms.budget
    assert policy.terms_for("own").budget == BudgetSettings(hour_usd=Usd(1.0), pool="own")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[budget]\nhard_stop = true", "line 1, budget: a budget needs hour_usd, day_usd or month_usd"),
        ("[budget]\nday_usd = 0", "line 2, budget.day_usd: 0 is outside (0, inf"),
        ("[budget]\nday_usd = 1\nweek_usd = 2", "line 3, budget.week_usd: unknown key"),
        ("[budget]\nday_usd = 1\nhard_stop = 1", "line 3, budget.hard_stop: write true or false"),
        (
            "[guards]\nrecover_below = 0.3",
            "recover_below 0.3 is not below shed_above 0.2",
        ),
        ("[guards]\nhold_secs = 3", "did you mean 'hold_seconds'"),
        ("[sessions]\nsession_minutes = -1", "line 2, sessions.session_minutes: -1 is outside [0"),
        ("[tenant.a.guards]\nprobes = 1", "line 1, tenant.a.guards: unknown key"),
    ],
)
def test_a_fault_is_named_by_line_and_key(text: str, words: str) -> None:
    with pytest.raises(BadPolicy, match=re.escape(words)):
        parse_policy(text)
