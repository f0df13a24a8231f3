"""LiteLLM gives single flags, lists of efforts, always-on, defaults and kinds."""

from __future__ import annotations

from training.capabilities.extract_litellm import litellm_facts


def _one(**entry: object) -> object:
    (fact,) = litellm_facts({"m": {"litellm_provider": "openai", "mode": "chat", "supports_reasoning": True, **entry}})
    return fact


def test_flags_are_exceptions() -> None:
    fact = _one(supports_xhigh_reasoning_effort=True, supports_minimal_reasoning_effort=False)
    assert (fact.efforts, fact.allows, fact.refuses) == (None, ("xhigh",), ("minimal",))  # type: ignore[attr-defined]


def test_a_list_is_exact_and_names_off() -> None:
    fact = _one(reasoning_effort_levels=["none", "low", "high"])
    assert (fact.efforts, fact.off) == (("low", "high"), True)  # type: ignore[attr-defined]
    assert _one(reasoning_effort_levels=["low"]).off is None  # type: ignore[attr-defined]


def test_always_on_and_none_say_whether_off_is_accepted() -> None:
    assert _one(thinking_always_on=True).off is False  # type: ignore[attr-defined]
    assert _one(supports_none_reasoning_effort=False, thinking_always_on=False).off is False  # type: ignore[attr-defined]
    assert _one().off is None  # type: ignore[attr-defined]


def test_defaults_sampling_tools_and_limits() -> None:
    fact = _one(
        default_reasoning_effort="none",
        supports_sampling_params=False,
        supports_forced_tool_use=False,
        max_output_tokens=7.0,
        supports_adaptive_thinking=True,
    )
    assert (fact.default, fact.sampling, fact.forced_tools, fact.out) == ("none", "refused", "refused", 7)  # type: ignore[attr-defined]
    assert fact.wire == "anthropic-adaptive"  # type: ignore[attr-defined]
    assert _one(thinking_on_by_default=True).default == "on"  # type: ignore[attr-defined]


def test_other_kinds_and_plain_models() -> None:
    facts = {
        fact.model: fact
        for fact in litellm_facts(
            {
                "sample_spec": {"litellm_provider": "one of", "mode": "chat"},
                "dall-e-3": {"litellm_provider": "openai", "mode": "image_generation"},
                "gpt-4o": {"litellm_provider": "openai", "mode": "chat", "supports_reasoning": False},
                "no-provider": {"mode": "chat"},
                "silent": {"litellm_provider": "openai", "mode": "chat"},
            }
        )
    }
    assert set(facts) == {"dall-e-3", "gpt-4o"}
    assert (facts["dall-e-3"].kind, facts["gpt-4o"].reasons) == ("image", False)
