"""Targets: names of an arm's model, and what goes before what: own switch, host of the arm, host of the call."""

from __future__ import annotations

import pytest

from serving.decision.providers import targets
from serving.decision.providers.capabilities import UNKNOWN, Capability, find_capability
from serving.decision.providers.targets import is_arm_model, same_model, target_capability
from serving.decision.types import Arm, ReasoningSwitch

SWITCH = ReasoningSwitch((("off", (("think", False),)), ("on", (("think", True),))))
PROD = Arm("direct", "chat-prod", stands_for="gpt-5.1", aliases=("chat-eu", "gpt-5.1"))


@pytest.mark.parametrize("name", ["chat-prod", "azure/chat-prod", "chat-eu", "gpt-5.1", "gpt-5.1-2025-11-13"])
def test_every_name_of_the_model_is_the_arms(name: str) -> None:
    assert is_arm_model(name, PROD)


@pytest.mark.parametrize("name", ["gpt-5.1-codex", "chat", None, 3])
def test_other_names_are_not(name: str | int | None) -> None:
    assert not is_arm_model(name, PROD)
    assert not is_arm_model("gpt-5.1", None)


def test_a_deployment_takes_what_its_model_takes() -> None:
    assert find_capability("chat-prod") is UNKNOWN
    assert target_capability("chat-prod", "chat", PROD) == find_capability("gpt-5.1")
    assert target_capability("chat-eu", "chat", PROD) == find_capability("gpt-5.1")


def test_an_own_switch_goes_before_the_known_one_for_the_arms_model_only() -> None:
    arm = Arm("own", "Qwen/Qwen3-8B", reasoning=SWITCH)
    assert target_capability("Qwen/Qwen3-8B", "chat", arm).own == SWITCH
    assert target_capability("gpt-5.1", "chat", arm).own is None


@pytest.mark.parametrize(
    ("speaks", "host", "api", "asked"),
    [("groq", "openrouter", "chat", "groq"), ("", "groq", "chat", "groq"), ("", "", "openrouter", "openrouter"),
     ("", "", "chat", "")],
)  # fmt: skip
def test_the_arms_host_goes_before_the_calls(
    speaks: str, host: str, api: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look_up(model: str, host: str, endpoint: str) -> Capability:
        seen.append((model, host, endpoint))
        return UNKNOWN

    monkeypatch.setattr(targets, "find_capability", look_up)
    target_capability("m", api, Arm("a", "m", speaks=speaks), host)  # type: ignore[arg-type]
    assert seen == [("m", asked, api)]


def test_snapshots_and_prefixes_do_not_matter() -> None:
    assert same_model("gpt-5.1-2025-11-13", "openai/gpt-5.1")
    assert not same_model("gpt-5.1", "gpt-5.1-codex")
