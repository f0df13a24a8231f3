"""Arms of the command line: read, refused, and written as files that the server reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.decision.policy.arms import load_arms
from serving.decision.policy.policy_file import load_policy
from serving.gateways.standalone.arm_options import BadArmOption, arms_toml, parse_arms_options, policy_toml
from serving.gateways.standalone.upstreams import parse_upstreams

ONE = parse_upstreams(["https://api.openai.com/v1"])
TWO = parse_upstreams(["https://api.openai.com/v1", "claude=https://api.anthropic.com"])


def test_arms_file_is_what_was_asked_for(tmp_path: Path) -> None:
    arms = parse_arms_options(["gpt-5.1@none", "openai/gpt-5.1@high", 'we"ird@20250929@low'], ONE)
    path = tmp_path / "arms.toml"
    path.write_text(arms_toml(arms))
    read = load_arms(path)
    assert [(arm.model, arm.effort) for arm in read] == [
        ("gpt-5.1", "none"),
        ("openai/gpt-5.1", "high"),
        ('we"ird@20250929', "low"),
    ]
    assert policy_toml(arms, ONE) is None


def test_policy_keeps_arms_to_their_upstream(tmp_path: Path) -> None:
    texts = ["default=gpt-5.1@none", "default=gpt-5.1@high", "claude=c@none", "shared@low", "claude=gpt-5.1@none"]
    arms = parse_arms_options(texts, TWO)
    (tmp_path / "arms.toml").write_text(arms_toml(arms))
    text = policy_toml(arms, TWO)
    assert text is not None
    (tmp_path / "policy.toml").write_text(text)
    policy = load_policy(tmp_path / "policy.toml", load_arms(tmp_path / "arms.toml"))
    allowed = [rule.allow for rule in policy.rules]
    assert [set(names or ()) for names in allowed] == [
        {"gpt-5.1@none", "gpt-5.1@high", "shared@low"},
        {"c@none", "shared@low", "gpt-5.1@none"},
    ]


@pytest.mark.parametrize(
    ("texts", "cure"),
    [
        (["gpt-5.1"], "MODEL@EFFORT"),
        (["gpt-5.1@loud", "gpt-5.1@none"], "xhigh"),
        (["@none", "gpt-5.1@none"], "MODEL@EFFORT"),
        (["gpt-5.1@none"], "@high"),
        (["gpt-5.1@none", "gpt-5.1@none"], "twice"),
        (["nobody=gpt-5.1@none", "gpt-5.1@high"], "default, claude"),
        (["default=gpt-5.1@none", "default=gpt-5.1@high"], "--arm claude=MODEL@none"),
    ],
)
def test_what_can_t_be_used_is_refused_with_the_cure(texts: list[str], cure: str) -> None:
    with pytest.raises(BadArmOption) as raised:
        parse_arms_options(texts, TWO)
    assert cure in str(raised.value)
