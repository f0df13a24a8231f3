"""Parses the token usage that providers report, which count hidden and cached tokens in different places.

=============  ==============================  =========================================
provider       cached prompt tokens            hidden tokens
=============  ==============================  =========================================
OpenAI         inside `prompt_tokens`          inside `completion_tokens`
xAI            inside `prompt_tokens`          beside `completion_tokens`
Gemini (chat)  inside `prompt_tokens`          only in `total_tokens`
Anthropic      beside `input_tokens`           inside `output_tokens`
Gemini         inside `promptTokenCount`       beside `candidatesTokenCount`
=============  ==============================  =========================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serving.decision.errors import BadInput


class BadUsage(BadInput):
    """An invalid usage record."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one call.

    Parameters
    ----------
    input_tokens
        The whole prompt: uncached, read from the cache and written to the cache.
    output_tokens
        Visible and hidden.
    cached_input_tokens, cache_write_tokens, cache_write_1h_tokens
        Parts of `input_tokens`; one-hour writes are not included in the five-minute writes.
    reasoning_tokens
        The hidden part of `output_tokens`.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0


def usage_from_openai(usage: Mapping[str, object]) -> Usage:
    """Parse `usage` of a chat completion or of a response object.

    Hosts differ in whether hidden tokens are part of `completion_tokens` (OpenAI) or stand beside them (xAI, Gemini's
    chat format): where `total_tokens` is larger than its parts, the difference is hidden output.

    Raises
    ------
    BadUsage
        A count is missing, negative or contradicts another one.

    Examples
    --------
    >>> usage_from_openai({"prompt_tokens": 50, "completion_tokens": 900,
    ...                    "completion_tokens_details": {"reasoning_tokens": 700}})
    Usage(input_tokens=50, output_tokens=900, cached_input_tokens=0, cache_write_tokens=0, \
cache_write_1h_tokens=0, reasoning_tokens=700)
    """
    chat = "prompt_tokens" in usage
    prompt, output = ("prompt_tokens", "completion_tokens") if chat else ("input_tokens", "output_tokens")
    input_tokens = _count(usage, prompt, required=True)
    reasoning = _count(_part(usage, f"{output}_details"), "reasoning_tokens")
    total = _count(usage, "total_tokens")
    counted = _count(usage, output, required=not total)
    beside = total - input_tokens - counted
    if beside > 0:
        # The total tells what the host counts beside `completion_tokens`: hidden tokens.
        counted, reasoning = counted + beside, max(reasoning, beside)
    return _checked(
        Usage(
            input_tokens=input_tokens,
            output_tokens=counted,
            cached_input_tokens=_count(_part(usage, f"{prompt}_details"), "cached_tokens"),
            cache_write_tokens=_count(_part(usage, f"{prompt}_details"), "cache_write_tokens"),
            reasoning_tokens=reasoning,
        )
    )


def usage_from_anthropic(usage: Mapping[str, object]) -> Usage:
    """Parse `usage` of a message: cache reads and writes are counted beside `input_tokens`.

    Raises
    ------
    BadUsage
        A count is missing, negative or contradicts another one.

    Examples
    --------
    >>> usage_from_anthropic({"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5}).input_tokens
    100
    """
    cached = _count(usage, "cache_read_input_tokens")
    written = _count(usage, "cache_creation_input_tokens")
    hour = _count(_part(usage, "cache_creation"), "ephemeral_1h_input_tokens")
    return _checked(
        Usage(
            input_tokens=_count(usage, "input_tokens", required=True) + cached + written,
            output_tokens=_count(usage, "output_tokens", required=True),
            cached_input_tokens=cached,
            cache_write_tokens=written - hour,
            cache_write_1h_tokens=hour,
            reasoning_tokens=_count(_part(usage, "output_tokens_details"), "thinking_tokens"),
        )
    )


def usage_from_gemini(usage: Mapping[str, object]) -> Usage:
    """Parse `usageMetadata` of a reply: thoughts and tool prompts are counted beside the other tokens.

    Raises
    ------
    BadUsage
        A count is missing, negative or contradicts another one.

    Examples
    --------
    >>> usage_from_gemini({"promptTokenCount": 40, "candidatesTokenCount": 60, "thoughtsTokenCount": 500}).output_tokens
    560
    """
    thoughts = _count(usage, "thoughtsTokenCount")
    return _checked(
        Usage(
            input_tokens=_count(usage, "promptTokenCount", required=True) + _count(usage, "toolUsePromptTokenCount"),
            output_tokens=_count(usage, "candidatesTokenCount") + thoughts,
            cached_input_tokens=_count(usage, "cachedContentTokenCount"),
            reasoning_tokens=thoughts,
        )
    )


def _part(usage: Mapping[str, object], key: str) -> Mapping[str, object]:
    part = usage.get(key)
    if part is None:
        return {}
    if not isinstance(part, Mapping):
        raise BadUsage(f"{key} is not an object: pass the provider's usage record as it came")
    return part


def _count(usage: Mapping[str, object], key: str, required: bool = False) -> int:
    value = usage.get(key)
    if value is None and not required:
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # some hosts write counts as floats
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadUsage(f"{key} is {value!r}, not a count >= 0: pass the provider's usage record as it came")
    return value


def _checked(usage: Usage) -> Usage:
    parts = usage.cached_input_tokens + usage.cache_write_tokens + usage.cache_write_1h_tokens
    if parts > usage.input_tokens or usage.cache_write_tokens < 0:
        raise BadUsage(f"{parts} cached tokens of {usage.input_tokens} input tokens: is this another provider's shape?")
    if usage.reasoning_tokens > usage.output_tokens:
        raise BadUsage(
            f"{usage.reasoning_tokens} hidden tokens of {usage.output_tokens} output tokens:"
            " is this another provider's shape?"
        )
    return usage
