"""`policy.toml`: read whole, refused by line and key, watched."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from serving.decision.errors import BadPolicy
from serving.decision.policy.controls import BudgetSettings, HealthSettings, SessionSettings
from serving.decision.policy.policy import CallLimits, Exploration, Policy, Rule, Terms
from serving.decision.policy.policy_file import PolicySource, load_policy, parse_policy
from serving.decision.types import Usd
from tests.support.policy_cases import ARMS

ROOT = Path(__file__).parents[4]

FULL = """\
name = "careful"
seed = 7
value_of_success_usd = 1.5
latency_usd_per_second = 0.001
deadline_ms = 60000
max_cost_usd = 0.25
maybe = "reason"
low_support = "baseline"
min_support = 0.1
full_support = 0.4
client_effort = "ignore"
max_effort = "high"
switching_cost_usd = 0.002
expected_retries = 0.1

[value_by_task]
maths = 3
"code review" = 0.25

[exploration]
use = 0.01
maybe = 0.1
avoid = 0.02
explore = 0.5

[limits]
reasoning_tokens = 9000
reasoning_over_forecast = 1.5
retries = 0
total_ms = 90000

[tenant.acme]
value_of_success_usd = 9
[tenant.acme.limits]
retries = 2
[tenant."big corp"]
maybe = "baseline"

[[rule]]
deny = ["high"]
task = ["extraction", "formatting"]
[[rule]]
allow = "direct"
tenant = "acme"
header = { X-Priority = "batch" }
"""


def test_reads_every_term() -> None:
    policy = parse_policy(FULL, arms=ARMS)
    assert (policy.name, policy.seed, policy.text) == ("careful", 7, FULL)
    assert policy.terms == Terms(
        value_of_success_usd=Usd(1.5),
        value_by_task={"maths": Usd(3.0), "code review": Usd(0.25)},
        latency_usd_per_second=0.001,
        deadline_ms=60000.0,
        max_cost_usd=Usd(0.25),
        maybe="reason",
        low_support="baseline",
        min_support=0.1,
        full_support=0.4,
        client_effort="ignore",
        max_effort="high",
        switching_cost_usd=0.002,
        expected_retries=0.1,
        exploration=Exploration(0.01, 0.1, 0.02, 0.5),
        limits=CallLimits(9000, 1.5, 0, 90000),
    )
    assert policy.rules == (
        Rule(deny=("high",), tasks=("extraction", "formatting"), line=39),
        Rule(allow=("direct",), tenants=("acme",), headers={"x-priority": "batch"}, line=42),
    )


def test_a_tenant_states_what_differs() -> None:
    policy = parse_policy(FULL)
    acme, big = policy.terms_for("acme"), policy.terms_for("big corp")
    assert (acme.value("maths"), acme.limits.retries, acme.limits.reasoning_tokens) == (9.0, 2, 9000)
    assert (big.value("maths"), big.maybe, big.limits) == (3.0, "baseline", policy.terms.limits)
    assert policy.terms_for("nobody") is policy.terms_for(None) is policy.terms


def test_an_empty_file_is_the_default_policy() -> None:
    assert parse_policy("").version == Policy().version


def test_the_example_states_the_defaults() -> None:
    assert load_policy(ROOT / "data" / "policy.toml").version == Policy().version


def test_the_example_is_right_in_its_comments_too() -> None:
    lines = (ROOT / "data" / "policy.toml").read_text().splitlines()
    live = "\n".join(line.removeprefix("# ") if " = " in line or line.startswith("# [") else line for line in lines)
    policy = parse_policy(live.replace('"reasoning"', '"high"'), arms=ARMS)
    assert policy.terms.value("maths") == 2.0
    assert policy.terms_for("acme").limits.reasoning_tokens == 64000
    assert [rule.deny for rule in policy.rules] == [("high",), ()]
    assert policy.terms.budget == BudgetSettings(Usd(40.0), Usd(500.0), Usd(9000.0))
    assert policy.terms_for("acme").budget == BudgetSettings(day_usd=Usd(50.0), hard_stop=True, pool="acme")


def test_the_readme_and_the_example_name_every_term() -> None:
    kinds = (Policy, Terms, Exploration, CallLimits, Rule, BudgetSettings, HealthSettings, SessionSettings)
    made = {
        "terms",
        "tenants",
        "rules",
        "guards",
        "sessions",
        "text",
        "line",
        "pool",
        "budget",
        "exploration",
        "limits",
    }
    spelt = {"tasks": "task", "headers": "header", "value_by_task": "[value_by_task]"}
    terms = {spelt.get(field.name, field.name) for kind in kinds for field in fields(kind)} - made - {"tenants"}
    readme = (ROOT / "README.md").read_text()
    table = readme.split("## The policy's terms")[1].split("\n## ")[0]
    example = (ROOT / "data" / "policy.toml").read_text()
    assert [term for term in sorted(terms) if f"`{term}`" not in table] == []
    assert [term for term in sorted(terms) if term not in example] == []


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("value_of_success_usd = 1.5", "value_of_succes_usd = 1.5", 3, "did you mean 'value_of_success_usd'"),
        ("value_of_success_usd = 1.5", "value_of_success_usd = -1", 3, "value_of_success_usd: -1 is outside [0, inf"),
        ("deadline_ms = 60000", "deadline_ms = 0", 5, "deadline_ms: 0 is outside (0, "),
        ("deadline_ms = 60000", 'deadline_ms = "1 min"', 5, "write a number, not a string"),
        ("max_cost_usd = 0.25", "max_cost_usd = inf", 6, "max_cost_usd: inf is outside"),
        ('maybe = "reason"', 'maybe = "resaon"', 7, "did you mean 'reason'"),
        ('low_support = "baseline"', 'low_support = "expected"', 8, "choose one of prior, baseline, reason, explore"),
        ("min_support = 0.1", "min_support = 1.1", 9, "min_support: 1.1 is outside [0, 1]"),
        ("full_support = 0.4", "full_support = 0.05", 10, "full_support 0.05 is below min_support 0.1"),
        ('max_effort = "high"', 'max_effort = "huge"', 12, "max_effort"),
        ("maths = 3", "maths = true", 17, "value_by_task.maths: write a number, not true or false"),
        ('"code review" = 0.25', '"code review" = -2', 18, "value_by_task.'code review'"),
        ("maybe = 0.1", "maybe = 2", 22, "exploration.maybe"),
        ("reasoning_tokens = 9000", "reasoning_tokens = 1.5", 27, "1.5 is not a whole number"),
        ("total_ms = 90000", "total_ms = 0", 30, "limits.total_ms: 0 is outside [1, "),
        ("retries = 2", "retrys = 2", 35, "tenant.acme.limits.retrys: unknown key (did you mean 'retries'?)"),
        (
            'deny = ["high"]',
            'deny = ["hgih"]',
            40,
            "rule[1].deny: 'hgih' is not an arm; the arms are direct, low, high",
        ),
        ('deny = ["high"]', 'deny = ["direct", "low", "high"]', 40, "denies every arm"),
        ('deny = ["high"]', "deny = []", 40, "rule[1].deny"),
        ('deny = ["high"]', "", 39, "a rule needs `allow` or `deny`"),
        ('task = ["extraction", "formatting"]', "task = 3", 41, "rule[1].task: write a string"),
        ('"batch"', "3", 45, "rule[2].header.X-Priority"),
        ("[limits]", "[limit]", 26, "limit: unknown key (did you mean 'limits'?)"),
    ],
)
def test_a_fault_is_named_by_line_and_key(old: str, new: str, line: int, words: str) -> None:
    assert FULL.count(old) >= 1
    with pytest.raises(BadPolicy) as caught:
        parse_policy(FULL.replace(old, new, 1), arms=ARMS)
    told = [fault for fault in str(caught.value).splitlines() if f"policy.toml, line {line}, " in fault]
    assert any(words in fault for fault in told), caught.value


def test_the_version_is_what_the_policy_says_not_how_it_is_written() -> None:
    assert parse_policy("# hi\nseed = 7\nname = 'x'").version == parse_policy("name = 'x'\nseed=7").version
    moved = parse_policy(FULL.replace("\n[[rule]]", "\n\n\n[[rule]]"))
    assert moved.version == parse_policy(FULL).version
    assert moved.version.startswith("careful@")
    for old, new in (("1.5", "1.6"), ("batch", "night"), ("retries = 2", "retries = 3")):
        assert parse_policy(FULL.replace(old, new)).version != parse_policy(FULL).version


def test_a_bad_change_leaves_the_old_policy_live_and_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("value_of_success_usd = 1")
    source = PolicySource(path)
    old = source.live
    assert source.refresh() is False
    path.write_text("value_of_success_usd = 'a lot'")
    with pytest.raises(BadPolicy, match=r"policy\.toml, line 1, value_of_success_usd"):
        source.refresh()
    assert source.live is old
    assert source.refresh() is False
    path.unlink()
    with pytest.raises(BadPolicy, match=r"cannot read .*policy\.toml"):
        source.refresh()
    assert source.live is old
    path.write_text("value_of_success_usd = 2")
    assert source.refresh() is True
    assert source.live.terms.value_of_success_usd == 2.0
    path.write_text("value_of_success_usd = 2.0 # the same")
    assert source.refresh() is False


def test_a_bad_file_at_the_start_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("x = 1")
    with pytest.raises(BadPolicy, match="line 1, x: unknown key"):
        PolicySource(path)
