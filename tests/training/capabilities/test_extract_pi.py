"""pi-ai's null is a refusal, its silence is not; pi-catalog gives flags and never efforts."""

from __future__ import annotations

from training.capabilities.extract_pi import pi_ai_facts, pi_catalog_facts


def test_a_full_level_map_is_exact_and_null_means_refused() -> None:
    levels = {"off": None, "minimal": None, "low": "low", "medium": None, "high": "high", "xhigh": None, "max": "max"}
    entry = {"id": "glm-5.3", "reasoning": True, "maxTokens": 9, "thinkingLevelMap": levels, "type": "chat"}
    entry["compat"] = {"thinkingFormat": "zai", "requiresReasoningContentOnAssistantMessages": True}
    (fact,) = pi_ai_facts({"zai": {"openai-completions": {"chat:glm-5.3": entry}}})
    assert (fact.host, fact.efforts, fact.off, fact.wire) == ("zai", ("low", "high", "max"), False, "zai")
    assert (fact.out, fact.history) == (9, "reasoning_content_on_all_turns")


def test_exceptions_alone_are_no_list_of_efforts() -> None:
    entry = {"id": "claude-opus-4-8", "reasoning": True, "thinkingLevelMap": {"xhigh": "xhigh", "minimal": None}}
    (fact,) = pi_ai_facts({"anthropic": {"anthropic-messages": {"a": entry}}})
    assert (fact.efforts, fact.allows, fact.refuses, fact.off) == (None, ("xhigh",), ("minimal",), None)
    assert fact.wire == "anthropic"


def test_models_that_do_not_reason_or_chat_are_marked() -> None:
    models = {"a": {"id": "gpt-4o", "reasoning": False}, "b": {"id": "flux", "reasoning": False, "type": "image"}}
    plain, image = pi_ai_facts({"openrouter": {"openai-completions": models}})
    assert (plain.reasons, plain.kind) == (False, "")
    assert (image.reasons, image.kind) == (None, "image")


def test_gateways_of_one_tool_alone_are_left_out() -> None:
    entry = {"a": {"id": "x", "reasoning": True}}
    assert list(pi_ai_facts({"openai-codex": {"p": entry}, "qwen-token-plan-cn": {"p": entry}})) == []


def test_catalog_flags() -> None:
    entry = {
        "reasoning": True,
        "maxTokens": 5,
        "thinking": {"mode": "effort", "efforts": ["minimal", "xhigh"], "requiresEffort": True},
        "compat": {
            "supportsSamplingParams": False,
            "requiresReasoningContentForToolCalls": True,
            "disableReasoningOnToolChoice": True,
            "supportsConfigurationUpdate": True,
            "thinkingFormat": "qwen",
        },
    }
    (fact,) = pi_catalog_facts({"moonshot": {"kimi-k3": entry, "plain": {"reasoning": False}}})
    assert (fact.efforts, fact.off, fact.sampling, fact.wire) == (None, False, "refused", "qwen")
    assert fact.history == "reasoning_content_on_tool_turns"
    assert (fact.forced_tools, fact.inband) == ("not_while_thinking", True)
