"""How an arm is reached: aliases, whose words it speaks, a switch of its own, and every fault named."""

from __future__ import annotations

import pytest

from serving.decision.errors import BadArms
from serving.decision.policy.arm_wiring import Aliases, with_aliases
from serving.decision.policy.arms import parse_arms, with_prices
from serving.decision.types import Arm, ReasoningSwitch

ARMS = """
[[arm]]
name = "direct"
model = "chat-prod"
speaks = "azure"
[[arm]]
name = "own"
model = "tuned-7b"
effort = "high"
speaks = "vllm"
[arm.reasoning]
on = {"chat_template_kwargs.thinking" = true, budget = 4096}
off = {chat_template_kwargs = {thinking = false}}
low.chat_template_kwargs.thinking = true
[[alias]]
name = "chat-prod"
is = "gpt-5.1"
[[alias]]
name = "chat-eu"
is = "gpt-5.1"
"""
THINKING = "chat_template_kwargs.thinking"


def test_reads_every_field() -> None:
    direct, own = parse_arms(ARMS)
    assert (direct.model, direct.known_as, direct.speaks) == ("chat-prod", "gpt-5.1", "azure")
    assert direct.aliases == ("chat-eu", "gpt-5.1")
    assert own.aliases == ()
    assert own.reasoning == ReasoningSwitch(
        (("off", ((THINKING, False),)), ("on", (("budget", 4096), (THINKING, True))), ("low", ((THINKING, True),)))
    )
    assert own.reasoning.efforts == ("none", "low")


def test_an_arm_of_the_model_itself_has_the_aliases_too() -> None:
    arm = with_aliases(Arm("a", "gpt-5.1"), Aliases({"chat-prod": "gpt-5.1"}))
    assert (arm.known_as, arm.stands_for, arm.aliases) == ("gpt-5.1", "", ("chat-prod",))


def test_an_alias_of_another_model_changes_nothing() -> None:
    arm = Arm("a", "gpt-5.1")
    assert with_aliases(arm, Aliases({"chat-prod": "o3"})) is arm


def test_the_bundle_takes_over_how_its_arms_are_reached() -> None:
    newer = parse_arms(ARMS)
    merged = with_prices((Arm("direct", "chat-prod"), Arm("own", "tuned-7b", "high", 77.0)), newer)
    assert [(arm.speaks, arm.reasoning, arm.aliases) for arm in merged] == [
        (arm.speaks, arm.reasoning, arm.aliases) for arm in newer
    ]
    assert merged[1].default_output_tokens == 77.0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('speaks = "azure"', 'speaks = "azur"', "line 5, .*did you mean 'azure'"),
        ("off = {chat_template_kwargs = {thinking = false}}", "", "off: missing"),
        ("budget = 4096", "budget = [1]", r"line 12, .*on\.budget: write a string, a number"),
        ("budget = 4096", "model = 'x'", "no part of a reasoning switch"),
        ("thinking = false", "thinking = true", "two states send the same"),
        ("off = {", "offf = {", "unknown key"),
        ('name = "chat-eu"', 'name = "chat-prod"', "is an alias already"),
        ('name = "chat-eu"', 'name = "gpt-5.1"', "is itself|is an alias itself"),
        ('name = "chat-eu"\nis = "gpt-5.1"', 'name = "chat-eu"\nis = "chat-prod"', "name the model 'gpt-5.1'"),
        ('name = "chat-eu"', 'nam = "chat-eu"', "name: missing"),
    ],
)
def test_a_fault_is_named(old: str, new: str, said: str) -> None:
    assert old in ARMS
    with pytest.raises(BadArms, match=f"(?s){said}"):
        parse_arms(ARMS.replace(old, new))
