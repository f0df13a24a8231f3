"""Targets: names of an arm's model, and what goes before what: own switch, host of the arm, host of the call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.decision.providers import targets
from serving.decision.providers.capabilities import UNKNOWN, Capability, find_capability
from serving.decision.providers.endpoints import Api, parse_path
from serving.decision.providers.rewrite import rewrite_effort
from serving.decision.providers.targets import is_arm_model, same_model, target_capability
from serving.decision.types import EFFORTS, Arm, ReasoningSwitch

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


@pytest.mark.parametrize(
    ("authority", "path", "model", "words"),
    [
        ("openrouter.ai", "/api/v1/chat/completions", "qwen/qwen3-32b", {"reasoning": {"effort": "high"}}),
        ("openrouter.ai", "/api/v1/chat/completions", "anthropic/claude-opus-4.6", {"reasoning": {"effort": "high"}}),
        ("openrouter.ai", "/api/v1/chat/completions", "z-ai/glm-4.6", {"reasoning": {"effort": "high"}}),
        ("openrouter.ai", "/api/v1/chat/completions", "google/gemini-2.5-flash", {"reasoning": {"effort": "high"}}),
        ("api.groq.com", "/openai/v1/chat/completions", "qwen/qwen3-32b", {"reasoning_effort": "default"}),
        (
            "", "/v1/chat/completions", "Qwen/Qwen3-32B",
            {"chat_template_kwargs": {"enable_thinking": True}},
        ),
        (
            "generativelanguage.googleapis.com", "/v1beta/openai/chat/completions", "gemini-2.5-flash",
            {"reasoning_effort": "high"},
        ),
        ("api.anthropic.com", "/v1/chat/completions", "claude-opus-4-6", {"thinking": {"type": "adaptive"}}),
        ("api.z.ai", "/api/paas/v4/chat/completions", "glm-4.6", {"thinking": {"type": "enabled"}}),
        (
            "api.deepseek.com", "/anthropic/v1/messages", "deepseek-v4-pro",
            {"thinking": {"type": "enabled", "budget_tokens": 16_384}, "output_config": {"effort": "high"}},
        ),
    ],
)  # fmt: skip
def test_the_words_depend_on_who_serves_the_model(
    authority: str, path: str, model: str, words: dict[str, object]
) -> None:
    endpoint = parse_path(path, authority)
    assert endpoint is not None
    body = {"model": model, "messages": [{"role": "user", "content": "Prove it."}]}
    done = rewrite_effort(body, endpoint.api, "high", host=endpoint.host)
    assert done.body == {**body, **words}
    assert done.effort == "high"


@pytest.mark.parametrize("api", ["chat", "messages"])
def test_two_arms_on_glm_send_different_bodies(api: Api) -> None:
    body = {"model": "glm-4.6", "max_tokens": 30_000, "messages": [{"role": "user", "content": "Prove it."}]}
    direct, reasoning = (rewrite_effort(body, api, effort) for effort in EFFORTS if effort in ("none", "high"))
    assert direct.body != reasoning.body
    assert (direct.asked_effort, reasoning.asked_effort) == ("none", "high")


def test_an_arm_says_whose_words_it_speaks() -> None:
    body = {"model": "fast", "stream": True, "messages": [{"role": "user", "content": "Prove it."}]}
    arm = Arm("a", "fast", "high", speaks="groq", stands_for="qwen/qwen3-32b", aliases=("qwen/qwen3-32b",))
    assert rewrite_effort(body, "chat", "high", arm=arm).body == {**body, "reasoning_effort": "default"}
    elsewhere = replace(arm, speaks="openrouter")
    assert rewrite_effort(body, "chat", "high", arm=elsewhere).body == {**body, "reasoning": {"effort": "high"}}


def test_a_body_that_names_the_model_by_alias_keeps_that_name() -> None:
    body = {"model": "chat-eu", "messages": [{"role": "user", "content": "Prove it."}]}
    done = rewrite_effort(body, "chat", "high", model=PROD.model, arm=PROD)
    assert done.body == {**body, "reasoning_effort": "high"}
    assert done.not_applied == ""
