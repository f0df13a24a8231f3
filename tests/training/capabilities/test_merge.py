"""The first source that speaks wins, by field; exceptions leave the usual efforts standing."""

from __future__ import annotations

from typing import Any

from training.capabilities.facts import Fact, Source
from training.capabilities.merge import Merged, kinds_of, merge_facts


def _merge(**stated: Fact) -> Merged:
    sources = [Source(name.replace("_", "-"), name, "1", "MIT", (fact,)) for name, fact in stated.items()]
    (merged,) = merge_facts(sources)
    return merged


def _fact(model: str = "gpt-9", **fields: Any) -> Fact:
    return Fact("openai", model, reasons=True, **fields)


def test_each_field_has_its_own_order() -> None:
    merged = _merge(
        pi_ai=_fact(efforts=("low",), off=True),
        litellm=_fact(efforts=("high",), off=False),
        langchain=_fact(default="low"),
    )
    assert (merged.efforts, merged.off, merged.default) == (("low",), False, "low")
    assert merged.sources == {"efforts": "pi-ai", "off": "litellm", "default": "langchain"}
    assert merged.claims["efforts"] == {"pi-ai": "low", "litellm": "high"}


def test_exceptions_leave_low_medium_and_high_standing() -> None:
    assert _merge(litellm=_fact(allows=("xhigh",), refuses=("low",))).efforts == ("medium", "high", "xhigh")
    assert _merge(litellm=_fact()).efforts is None


def test_null_is_not_false() -> None:
    merged = _merge(pi_ai=_fact(), litellm=_fact())
    assert (merged.efforts, merged.off, merged.default, merged.budget) == (None, None, "", None)


def test_models_dev_is_not_asked_whether_claude_can_be_off() -> None:
    assert _merge(models_dev=_fact("claude-9", off=False)).off is None
    assert _merge(models_dev=_fact("gpt-9", off=False)).off is False


def test_who_does_not_think_unless_asked_has_no_effort_by_default() -> None:
    assert _merge(pydantic_ai=_fact(default="off"), langchain=_fact(default="high")).default == "off"
    assert _merge(pydantic_ai=_fact(default="on"), langchain=_fact(default="high")).default == "high"


def test_the_smallest_output_limit_counts() -> None:
    assert _merge(pi_ai=_fact(out=9), litellm=_fact(out=5)).out == 5


def test_dated_and_prefixed_names_are_one_row_named_by_the_plain_one() -> None:
    facts = (_fact("openai/gpt-9-2026-01-02", out=5), _fact("gpt-9", out=9))
    (merged,) = merge_facts([Source("litellm", "l", "1", "MIT", facts)])
    assert (merged.key, merged.name, merged.out) == ("gpt9", "gpt-9", 9)


def test_chat_may_take_less_than_the_other_endpoint() -> None:
    facts = (_fact(endpoint="chat", efforts=("low",)), _fact(endpoint="responses", efforts=("low", "max")))
    (merged,) = merge_facts([Source("modelparams", "m", "1", "MIT", facts)])
    assert (merged.efforts, merged.chat_efforts) == (("low", "max"), ("low",))


def test_kinds_are_of_models_that_nobody_calls_chat() -> None:
    facts = (Fact("openai", "dall-e", kind="image"), Fact("openai", "gpt-9", kind="image"), _fact())
    assert kinds_of([Source("litellm", "l", "1", "MIT", facts)]) == {"dall-e": "image"}
