"""The arm check: every arm at every format, what can't be controlled, and what can't be told apart."""

from __future__ import annotations

import pytest

from serving.decision.errors import BadArms
from serving.decision.providers.arm_check import APIS, arm_words, check_arms
from serving.decision.types import Arm, Effort, ReasoningSwitch

SWITCH = ReasoningSwitch((("off", (("think", False),)), ("on", (("think", True),)), ("low", (("think", "low"),))))


def _pair(model: str, one: Effort = "none", other: Effort = "high", **more: object) -> tuple[Arm, Arm]:
    return Arm("one", model, one, **more), Arm("other", model, other, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "model", ["gpt-5.1", "claude-sonnet-4-5", "claude-opus-4-6", "gemini-2.5-flash", "Qwen/Qwen3-8B", "deepseek-chat"]
)
def test_arms_of_known_models_are_told_apart(model: str) -> None:
    check = check_arms(_pair(model))
    assert check.refusals == ()
    assert check.words
    check.require_distinct()


@pytest.mark.parametrize(
    ("arms", "why"),
    [
        (_pair("house-model"), "nothing is known"),
        (_pair("deepseek-reasoner"), "no switch of"),
        (_pair("o3", "none", "low"), "takes 'low' for both"),
        (_pair("gpt-5.1", "high", "high"), "both are 'gpt-5.1' at effort 'high'"),
        (_pair("house-model", "medium", "high", reasoning=SWITCH), "takes 'low' for both"),
        ((Arm("one", "gpt-5.1"), Arm("other", "chat-prod", stands_for="gpt-5.1", aliases=("gpt-5.1",))), "both are"),
    ],
)
def test_arms_that_send_the_same_are_refused_with_the_reason(arms: tuple[Arm, Arm], why: str) -> None:
    check = check_arms(arms)
    assert len(check.refusals) == 1
    assert why in check.refusals[0]
    with pytest.raises(BadArms, match="--allow-same"):
        check.require_distinct()


def test_the_same_model_at_two_hosts_is_two_things() -> None:
    arms = (Arm("one", "house-model", speaks="vllm"), Arm("other", "house-model", speaks="groq"))
    assert check_arms(arms).refusals == ()


def test_different_models_are_never_the_same() -> None:
    assert check_arms((Arm("one", "house-a"), Arm("other", "house-b"))).refusals == ()


def test_arms_that_differ_at_one_format_only_are_named() -> None:
    check = check_arms(_pair("claude-opus-4-6", "low", "high"))
    assert check.refusals == ()
    assert any("send the same at chat" in note for note in check.notes)


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        (Arm("a", "house-model"), "nothing is known of how 'house-model' reasons"),
        (Arm("a", "chat-prod", stands_for="house-model", aliases=("house-model",)), "'house-model'"),
        (Arm("a", "deepseek-r1", "none"), "is not asked for"),
        (Arm("a", "deepseek-reasoner"), "is not asked for"),
        (Arm("a", "o3"), "does not take effort 'none'; 'low' is sent"),
    ],
)
def test_an_arm_that_is_not_controlled_as_it_asks_is_named(arm: Arm, said: str) -> None:
    notes = check_arms((arm, Arm("b", "gpt-5.1"))).notes
    assert len(notes) == 1
    assert said in notes[0]
    assert "arm 'a'" in notes[0]


@pytest.mark.parametrize(
    ("model", "effort"), [("deepseek-reasoner", "high"), ("claude-opus-4-6", "max"), ("gpt-5.1", "low")]
)
def test_an_arm_that_is_what_it_says_is_not(model: str, effort: Effort) -> None:
    assert check_arms((Arm("a", model, effort), Arm("b", "gpt-5.2"))).notes == ()


def test_an_own_switch_is_sent_wherever_the_arm_is_called() -> None:
    arm = Arm("a", "house-model", "low", reasoning=SWITCH)
    for api in APIS:
        words = arm_words(arm, api)
        assert words is not None
        assert words.added == {"think": "low"}
