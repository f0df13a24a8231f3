"""Other settings that a model refuses: those that another model took, and those that clash with an effort.

Facts that no maintained data set has; each names where it was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from serving.decision.providers.json_patch import Json
from serving.decision.providers.rules.not_applied import ConflictKey
from serving.decision.providers.rules.sampling import sampling_rule
from serving.decision.providers.rules.target import Target

_O_SERIES: Final = re.compile(r"(?:^|/)o[134](?:-|$)", re.IGNORECASE)
_GPT_5_ON: Final = re.compile(r"(?:^|/)gpt-[5-9](?!\d)", re.IGNORECASE)
_GPT_4: Final = re.compile(r"(?:^|/)(?:chat)?gpt-(?:4|3\.5)", re.IGNORECASE)
_FLEX: Final = re.compile(r"(?:^|/)(?:o3(?!-mini)|o4-mini|gpt-[5-9])", re.IGNORECASE)
_GROK: Final = re.compile(r"(?:^|/)grok-", re.IGNORECASE)
_STREAM_ONLY: Final = re.compile(r"(?:^|/)(?:qwen-?3-(?!max|coder)|qwq|qvq)", re.IGNORECASE)


def refused_on_move(body: Mapping[str, Json], target: Target) -> Iterator[ConflictKey]:
    """List the settings that the client's model may take and the target refuses, whatever the effort.

    Sources: `stop` at o3, o4-mini and gpt-5 (crewAI 2738, Flowise 5046), `verbosity` (concordia 164, vellum 28082),
    `stop` and penalties at Grok's reasoning models (docs.x.ai), a begun answer at Claude 4.6 and later (kilocode 8262).
    """
    if target.capability.switch == "reasoning_object":
        return  # These hosts leave out what a model does not take.
    model = target.known_as
    reasons = bool(_O_SERIES.search(model) or _GPT_5_ON.search(model))
    if (reasons or _GROK.search(model)) and body.get("stop") not in (None, "", []):
        yield "stop"
    if _refuses_verbosity(body, model):
        yield "verbosity"
    if reasons:
        yield from _refused_by_openai(body)
    if _O_SERIES.search(model) and body.get("parallel_tool_calls") is not None:
        yield "parallel_tool_calls"
    if body.get("service_tier") == "flex" and not _FLEX.search(model):
        yield "service_tier"
    if _GROK.search(model):
        if body.get("presence_penalty") not in (None, 0):
            yield "presence_penalty"
        if body.get("frequency_penalty") not in (None, 0):
            yield "frequency_penalty"


def _refused_by_openai(body: Mapping[str, Json]) -> Iterator[ConflictKey]:
    if body.get("prediction") is not None:
        yield "prediction"
    if body.get("web_search_options") is not None:
        yield "web_search_options"


def _refuses_verbosity(body: Mapping[str, Json], model: str) -> bool:
    text = body.get("text")
    said = body.get("verbosity") or (text.get("verbosity") if isinstance(text, dict) else None)
    if said is None or (_GPT_5_ON.search(model) and "-chat" not in model and "-codex" not in model):
        return False
    return not (said == "medium" and (_GPT_4.search(model) or _GPT_5_ON.search(model)))


def refused_beside_effort(body: Mapping[str, Json], target: Target) -> Iterator[ConflictKey]:
    """List the settings other than sampling and tools that are refused at this effort.

    Sources: log probabilities beside DeepSeek's thinking (api-docs.deepseek.com, reasoning model), JSON mode and calls
    that do not stream beside Qwen's at DashScope (presenton 184, langchain4j 3974), `clear_thinking` without thinking
    at Anthropic (claude-code 11971), log probabilities in `include` at OpenAI.
    """
    switch = target.capability.switch
    if target.thinks and switch == "thinking_type":
        if body.get("logprobs") not in (None, False):
            yield "logprobs"
        if body.get("top_logprobs") not in (None, 0):
            yield "top_logprobs"
    if target.thinks and switch == "enable_thinking":
        form = body.get("response_format")
        if isinstance(form, dict) and form.get("type") == "json_object":
            yield "response_format"
        if body.get("stream") is not True and _STREAM_ONLY.search(target.known_as):
            yield "stream"
    sampling = sampling_rule(target.capability)
    if sampling == "refused" or (sampling == "only_at_none" and target.thinks):
        wanted = body.get("include")
        if isinstance(wanted, list) and "message.output_text.logprobs" in wanted:
            yield "include"
    if not target.thinks and switch in ("anthropic_budget", "anthropic_adaptive") and _clears_thinking(body):
        yield "context_management"
    if _begun_answer_refused(target) and begins_answer(body):
        yield "messages"


def _clears_thinking(body: Mapping[str, Json]) -> bool:
    management = body.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    return isinstance(edits, list) and any(
        isinstance(edit, dict) and str(edit.get("type", "")).startswith("clear_thinking") for edit in edits
    )


def _begun_answer_refused(target: Target) -> bool:
    capability = target.capability
    if capability.switch == "anthropic_budget":
        return target.thinks
    return capability.switch == "anthropic_adaptive" or (
        target.moves and capability.switch == "gemini_level" and capability.sampling == "ignored"
    )


def begins_answer(body: Mapping[str, Json]) -> bool:
    """Tell whether the last turn is the model's own, for it to go on with.

    Examples
    --------
    >>> begins_answer({"messages": [{"role": "user", "content": "Go on"}, {"role": "assistant", "content": "{"}]})
    True
    """
    turns = body.get("messages")
    last = turns[-1] if isinstance(turns, list) and turns else None
    return isinstance(last, dict) and last.get("role") == "assistant"
