"""pydantic-ai's flags and LangChain's tables become facts of the makers."""

from __future__ import annotations

from training.capabilities.extract_profiles import langchain_facts, pydantic_facts


def test_pydantic_flags_of_each_maker() -> None:
    thinking = {"supports_thinking": True}
    facts = {
        (fact.host, fact.model): fact
        for fact in pydantic_facts(
            {
                "openai": {
                    "gpt-4o": {"supports_thinking": False},
                    "o3": {**thinking, "openai_reasoning_efforts": ["high", "low", "medium"]},
                    "gpt-5.1": {
                        **thinking,
                        "openai_supports_reasoning_effort_none": True,
                        "thinking_enabled_by_default": False,
                    },
                },
                "anthropic": {
                    "sonnet": {
                        **thinking,
                        "anthropic_supports_adaptive_thinking": True,
                        "anthropic_supports_effort": True,
                        "anthropic_supports_max_effort": True,
                        "anthropic_disables_thinking_with_between_tools": True,
                        "anthropic_disallows_sampling_settings": True,
                        "supports_forced_tool_choice": False,
                        "thinking_enabled_by_default": True,
                    }
                },
                "google": {
                    "g": {**thinking, "google_supports_thinking_level": True, "google_thinking_levels": ["LOW"]}
                },
                "xai": {"grok": {**thinking, "grok_reasoning_efforts": ["none", "low"]}, "silent": thinking},
                "zai": {"glm": {**thinking, "thinking_always_enabled": True}},
                "groq": {"oss": {**thinking, "groq_supports_graded_reasoning_effort": True}, "qwen": thinking},
            }
        )
    }
    assert ("openai", "gpt-4o") not in facts
    assert ("xai", "silent") not in facts
    o3, five = facts["openai", "o3"], facts["openai", "gpt-5.1"]
    assert (o3.efforts, o3.off, o3.sampling) == (("low", "medium", "high"), False, "refused")
    assert (five.efforts, five.off, five.default, five.sampling) == (None, True, "none", "only_at_none")
    claude = facts["anthropic", "sonnet"]
    assert (claude.efforts, claude.off_word, claude.off) == (("low", "medium", "high", "max"), "between_tools", True)
    assert (claude.sampling, claude.forced_tools, claude.default) == ("refused", "refused", "on")
    assert (facts["google", "g"].efforts, facts["google", "g"].refuses) == (("low",), ("minimal",))
    assert (facts["xai", "grok"].efforts, facts["xai", "grok"].off) == (("low",), True)
    assert (facts["zai", "glm"].off, facts["groq", "oss"].off, facts["groq", "qwen"].off) == (False, False, False)


def test_langchain_tables_are_read_without_importing_it() -> None:
    text = """
import langchain_that_is_not_here
_PROFILES: dict = {
    "gpt-9": {"reasoning_output": True, "reasoning_effort_levels": ["none", "low"], "reasoning_effort_default": "low",
              "max_output_tokens": 5},
    "gpt-4o": {"reasoning_output": False},
}
"""
    nine, plain = langchain_facts("openai", text)
    assert (nine.efforts, nine.off, nine.default, nine.out) == (("low",), True, "low", 5)
    assert plain.reasons is False
    assert next(langchain_facts("anthropic", text)).off is None
