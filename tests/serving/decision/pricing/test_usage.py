"""Usage records of OpenAI, Anthropic and Gemini: parsed into one shape, priced to the cent, refused if inconsistent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from serving.decision.pricing.price_book import price_book
from serving.decision.pricing.rate_card import cost_of_usage
from serving.decision.pricing.usage import BadUsage, Usage, usage_from_anthropic, usage_from_gemini, usage_from_openai
from serving.decision.types import Arm

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC).timestamp()


def paid(model: str, usage: Usage) -> float:
    """Price by the list prices; the expected sums are worked out by hand."""
    return cost_of_usage(usage, price_book([Arm(model, model)]).card(model).rates(NOW, usage.input_tokens))


def test_openai_chat_counts_hidden_and_cached_tokens_inside() -> None:
    usage = usage_from_openai(
        {
            "prompt_tokens": 12_000,
            "completion_tokens": 3_100,
            "total_tokens": 15_100,
            "prompt_tokens_details": {"cached_tokens": 8_000, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 2_800, "accepted_prediction_tokens": 0},
        }
    )
    assert usage == Usage(12_000, 3_100, cached_input_tokens=8_000, reasoning_tokens=2_800)
    # gpt-5.1: 4,000 x 1.25 + 8,000 x 0.125 + 3,100 x 10 USD per million
    assert paid("gpt-5.1", usage) == pytest.approx(0.037, abs=1e-12)


def test_openai_responses_has_other_names_for_the_same() -> None:
    usage = usage_from_openai(
        {
            "input_tokens": 12_000,
            "output_tokens": 3_100,
            "input_tokens_details": {"cached_tokens": 8_000},
            "output_tokens_details": {"reasoning_tokens": 2_800},
        }
    )
    assert paid("gpt-5.1", usage) == pytest.approx(0.037, abs=1e-12)


def test_anthropic_counts_the_cache_beside_and_thinking_inside() -> None:
    usage = usage_from_anthropic(
        {
            "input_tokens": 1_000,
            "cache_creation_input_tokens": 4_000,
            "cache_read_input_tokens": 20_000,
            "cache_creation": {"ephemeral_5m_input_tokens": 3_000, "ephemeral_1h_input_tokens": 1_000},
            "output_tokens": 2_000,
        }
    )
    assert usage == Usage(25_000, 2_000, 20_000, cache_write_tokens=3_000, cache_write_1h_tokens=1_000)
    # claude-sonnet-4-5: 1,000 x 3 + 20,000 x 0.3 + 3,000 x 3.75 + 1,000 x 6 + 2,000 x 15 USD per million
    assert paid("claude-sonnet-4-5", usage) == pytest.approx(0.05625, abs=1e-12)


def test_gemini_counts_thoughts_beside_and_the_cache_inside() -> None:
    usage = usage_from_gemini(
        {
            "promptTokenCount": 10_000,
            "cachedContentTokenCount": 6_000,
            "toolUsePromptTokenCount": 500,
            "candidatesTokenCount": 400,
            "thoughtsTokenCount": 1_600,
            "totalTokenCount": 12_500,
        }
    )
    assert usage == Usage(10_500, 2_000, cached_input_tokens=6_000, reasoning_tokens=1_600)
    # gemini-2.5-pro: 4,500 x 1.25 + 6,000 x 0.125 + 2,000 x 10 USD per million
    assert paid("gemini-2.5-pro", usage) == pytest.approx(0.026375, abs=1e-12)


@pytest.mark.parametrize(
    ("read", "record", "word"),
    [
        (usage_from_openai, {"prompt_tokens": 1}, "completion_tokens is None"),
        (usage_from_openai, {"prompt_tokens": -1, "completion_tokens": 1}, "prompt_tokens is -1"),
        (usage_from_openai, {"prompt_tokens": True, "completion_tokens": 1}, "prompt_tokens is True"),
        (usage_from_openai, {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": 3}, "not an object"),
        (
            usage_from_openai,
            {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 50}},
            "another provider's shape",
        ),
        (
            usage_from_openai,
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 50}},
            "another provider's shape",
        ),
        (usage_from_anthropic, {"output_tokens": 5}, "input_tokens is None"),
        (
            usage_from_anthropic,
            {"input_tokens": 1, "output_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 9}},
            "another provider's shape",
        ),
        (usage_from_gemini, {"candidatesTokenCount": 5}, "promptTokenCount is None"),
    ],
)
def test_usage_that_contradicts_itself_is_refused(read: Any, record: dict[str, object], word: str) -> None:
    with pytest.raises(BadUsage, match=word):
        read(record)


def test_missing_details_count_as_none() -> None:
    assert usage_from_openai({"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": None}) == Usage(5, 7)
    assert usage_from_gemini({"promptTokenCount": 5}) == Usage(5, 0)


def test_hidden_tokens_beside_the_visible_ones_are_told_by_the_total() -> None:
    xai = {
        "prompt_tokens": 10120, "completion_tokens": 1499, "total_tokens": 14428,
        "completion_tokens_details": {"reasoning_tokens": 2809},
    }  # fmt: skip
    found = usage_from_openai(xai)
    assert (found.input_tokens, found.output_tokens, found.reasoning_tokens) == (10120, 4308, 2809)
    small = {
        **xai,
        "completion_tokens": 500,
        "total_tokens": 10920,
        "completion_tokens_details": {"reasoning_tokens": 300},
    }
    assert usage_from_openai(small).output_tokens == 800


def test_a_total_without_details_still_counts_hidden_output() -> None:
    found = usage_from_openai({"prompt_tokens": 40, "completion_tokens": 60, "total_tokens": 600})
    assert (found.output_tokens, found.reasoning_tokens) == (560, 500)


def test_a_total_that_agrees_changes_nothing() -> None:
    found = usage_from_openai(
        {
            "prompt_tokens": 50,
            "completion_tokens": 900,
            "total_tokens": 950,
            "completion_tokens_details": {"reasoning_tokens": 700},
        }
    )
    assert (found.output_tokens, found.reasoning_tokens) == (900, 700)


def test_counts_may_be_floats_or_null() -> None:
    usage = {"prompt_tokens": 50.0, "completion_tokens": None, "total_tokens": 80.0, "prompt_tokens_details": None}
    assert usage_from_openai(usage).output_tokens == 30
    with pytest.raises(BadUsage, match="completion_tokens"):
        usage_from_openai({"prompt_tokens": 50, "completion_tokens": 1.5})
