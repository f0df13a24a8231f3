"""A provider that answers 400 as the real ones document: written from documents and reports, not from the rules.

`refusal` gives the reason why a host would refuse a body, None where it takes it. Each check names where it was read;
models and their facts were checked in November 2026. What no document states is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]
LMH = ("low", "medium", "high")


@dataclass(frozen=True)
class OpenAIModel:
    """Facts of one OpenAI model: pydantic-ai's live checks of 2026-07 and 2026-10, OpenAI's model pages."""

    efforts: tuple[str, ...] = ()
    default: str = "medium"
    responses_efforts: tuple[str, ...] | None = None
    chat: bool = True
    verbosity: tuple[str, ...] = ("low", "medium", "high")
    stop: bool = False
    sampling: str = "at none"  # "always", "at none", "never": @ai-sdk/openai's catalogue
    tools_at_chat: str = (
        "ok"  # "ok", "no effort", "none in words", "never": openai-openapi 541, litellm 34569, genkit-dart 423
    )
    parallel_calls: bool = True
    output_tokens: int = 128_000

    @property
    def reasons(self) -> bool:
        return bool(self.efforts)


def _o(**changed: Any) -> OpenAIModel:
    return OpenAIModel(
        **{"efforts": LMH, "sampling": "never", "verbosity": (), "parallel_calls": False, "output_tokens": 100_000}
        | changed
    )


_56 = OpenAIModel(
    ("none", *LMH, "xhigh"), responses_efforts=("none", *LMH, "xhigh", "max"), tools_at_chat="none in words"
)
_5X = ("none", *LMH, "xhigh")
OPENAI: dict[str, OpenAIModel] = {
    "gpt-4o": OpenAIModel(sampling="always", stop=True, verbosity=("medium",), output_tokens=16_384),
    "gpt-4.1": OpenAIModel(sampling="always", stop=True, verbosity=("medium",), output_tokens=32_768),
    "o3": _o(),
    "o4-mini": _o(),
    "o3-mini": _o(stop=True),
    "gpt-5": OpenAIModel(("minimal", *LMH), sampling="never"),
    "gpt-5-mini": OpenAIModel(("minimal", *LMH), sampling="never"),
    "gpt-5-chat-latest": OpenAIModel(sampling="always", stop=True, verbosity=("medium",), output_tokens=16_384),
    "gpt-5-pro": OpenAIModel(("high",), "high", sampling="never", chat=False),
    "gpt-5.1": OpenAIModel(("none", *LMH), "none"),
    "gpt-5.1-codex": OpenAIModel(LMH, sampling="never", chat=False, verbosity=("medium",)),
    "gpt-5.2": OpenAIModel(_5X, "none"),
    "gpt-5.2-pro": OpenAIModel(("medium", "high", "xhigh"), sampling="never", chat=False),
    "gpt-5.3-codex": OpenAIModel((*LMH, "xhigh"), sampling="never", chat=False, verbosity=("medium",)),
    "gpt-5.4": OpenAIModel(_5X, "none", tools_at_chat="no effort"),
    "gpt-5.4-mini": OpenAIModel(_5X, "none", tools_at_chat="no effort"),
    "gpt-5.5": OpenAIModel(_5X, "medium", tools_at_chat="no effort"),
    "gpt-5.6-sol": _56,
    "gpt-5.6-terra": _56,
    "gpt-6-sol": _56,
    "gpt-6-luna": _56,
    "gpt-6-astra": OpenAIModel(
        (*LMH, "xhigh"), responses_efforts=(*LMH, "xhigh", "max"), sampling="never", tools_at_chat="never"
    ),
}  # fmt: skip
_CHAT_KEYS = frozenset(
    "messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens"
    " max_tokens metadata modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key"
    " reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options temperature"
    " tool_choice tools top_logprobs top_p user verbosity web_search_options".split()
)
_RESPONSES_KEYS = frozenset(
    "background conversation include input instructions max_output_tokens max_tool_calls metadata model"
    " parallel_tool_calls previous_response_id prompt prompt_cache_key reasoning safety_identifier service_tier store"
    " stream stream_options temperature text tool_choice tools top_logprobs top_p truncation user".split()
)
_NEUTRAL = {
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logprobs": False,
    "top_logprobs": 0,
}
_HOSTED = ("web_search", "code_interpreter", "image_generation", "file_search")


def _openai(body: Json, model: str, api: str) -> Iterator[str]:
    facts = OPENAI[model]
    known = _CHAT_KEYS if api == "chat" else _RESPONSES_KEYS
    yield from (f"Unrecognized request argument supplied: {key}" for key in body if key not in known)
    if api == "chat" and not facts.chat:
        yield "This model is only supported in v1/responses and not in v1/chat/completions."
    reasoning = body.get("reasoning") or {}
    stated = body.get("reasoning_effort") if api == "chat" else reasoning.get("effort")
    accepted = (facts.responses_efforts if api == "responses" else None) or facts.efforts
    if stated is not None and stated not in accepted:
        yield f"Unsupported value: 'reasoning_effort' does not support '{stated}' with this model."
    if reasoning and not facts.reasons:
        yield "Unsupported parameter: 'reasoning' is not supported with this model."
    effort = (stated or facts.default) if facts.reasons else "none"
    if facts.sampling == "never" or (facts.sampling == "at none" and effort != "none"):
        yield from (
            f"Unsupported value: '{key}' with this model."
            for key, v in _NEUTRAL.items()
            if body.get(key) not in (None, v)
        )
        if body.get("logit_bias"):
            yield "Unsupported parameter: 'logit_bias'."
        if "message.output_text.logprobs" in (body.get("include") or []):
            yield "logprobs are not supported with reasoning models"
    yield from _openai_limits(body, facts, api)
    yield from _openai_settings(body, facts, model)
    yield from _openai_tools(body, facts, api, stated, effort)
    for item in body.get("input") if isinstance(body.get("input"), list) else []:
        if item.get("type") == "reasoning" and item.get("encrypted_content") != f"enc:{model}":
            yield "The encrypted content could not be verified."


def _openai_limits(body: Json, facts: OpenAIModel, api: str) -> Iterator[str]:
    if api == "chat" and facts.reasons and body.get("max_tokens") is not None:
        yield "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."  # gpt-ai-assistant 361
    for key in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        if (body.get(key) or 0) > facts.output_tokens:
            yield f"{key} is too large"
    if api == "responses" and body.get("max_output_tokens") is not None and body["max_output_tokens"] < 16:
        yield "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16."


def _openai_settings(body: Json, facts: OpenAIModel, model: str) -> Iterator[str]:
    if body.get("stop") and not facts.stop:
        yield "Unsupported parameter: 'stop' is not supported with this model."  # crewAI 2738, Flowise 5046
    said = body.get("verbosity") or (body.get("text") or {}).get("verbosity")
    if said is not None and said not in facts.verbosity:
        yield f"Unsupported value: 'verbosity' does not support '{said}' with this model."  # concordia 164
    if body.get("parallel_tool_calls") is not None and not facts.parallel_calls:
        yield "Unsupported parameter: 'parallel_tool_calls' is not supported with this model."
    if body.get("prediction") is not None and facts.reasons:
        yield "Unsupported parameter: 'prediction' is not supported with this model."
    if body.get("service_tier") == "flex" and not re.match(r"o3$|o4|gpt-[56]", model):
        yield "Flex is not available for this model."


def _openai_tools(body: Json, facts: OpenAIModel, api: str, stated: str | None, effort: str) -> Iterator[str]:
    tools = body.get("tools") or []
    if api == "responses":
        if effort == "minimal" and any(tool["type"].startswith(_HOSTED) for tool in tools):
            yield "The following tools cannot be used with reasoning.effort 'minimal'"  # codex 3559
        return
    rule = facts.tools_at_chat
    named = stated not in (None, "none")
    if tools and (rule == "never" or (rule == "none in words" and stated != "none") or (rule == "no effort" and named)):
        yield "Function tools with reasoning_effort are not supported in /v1/chat/completions."


@dataclass(frozen=True)
class ClaudeModel:
    """Facts of one Claude model: pydantic-ai 2.68 profiles (verified live), @ai-sdk/anthropic, Anthropic's pages."""

    budget: bool = False
    adaptive: bool = True
    efforts: tuple[str, ...] = (*LMH, "xhigh", "max")
    off: tuple[str, ...] = ("disabled",)
    on_by_default: bool = True
    sampling: bool = False
    forced: bool = True
    off_above_high: bool = True
    one_sampler: bool = True
    output_tokens: int = 128_000


_BUDGET = ClaudeModel(True, False, (), on_by_default=False, sampling=True, output_tokens=64_000)
_46 = ClaudeModel(True, True, (*LMH, "max"), on_by_default=False, sampling=True)
_47 = ClaudeModel(on_by_default=False)
CLAUDE: dict[str, ClaudeModel] = {
    "claude-3-7-sonnet-20250219": replace(_BUDGET, one_sampler=False),
    "claude-opus-4-1": replace(_BUDGET, output_tokens=32_000),
    "claude-sonnet-4-5": _BUDGET,
    "claude-haiku-4-5-20251001": _BUDGET,
    "claude-opus-4-5": replace(_BUDGET, efforts=LMH),
    "claude-opus-4-6": _46,
    "claude-sonnet-4-6": _46,
    "claude-opus-4-7": _47,
    "claude-opus-4-8": _47,
    "claude-opus-5": ClaudeModel(off_above_high=False),
    "claude-sonnet-5": ClaudeModel(),
    "claude-fable-5": ClaudeModel(off=()),
    "claude-fable-5-1": ClaudeModel(off=(), forced=False),
    "claude-opus-5-5": ClaudeModel(off=(), forced=False),
    "claude-sonnet-5-5": ClaudeModel(off=("between_tools",), forced=False, off_above_high=False),
    "claude-haiku-5-5": ClaudeModel(off_above_high=False),
}  # fmt: skip
_CLAUDE_KEYS = frozenset(
    "max_tokens messages model cache_control container context_management inference_geo metadata output_config"
    " service_tier stop_sequences stream system temperature thinking tool_choice tools top_k top_p mcp_servers".split()
)


def _anthropic(body: Json, model: str, _: str) -> Iterator[str]:
    facts = CLAUDE[model]
    yield from (f"{key}: Extra inputs are not permitted" for key in body if key not in _CLAUDE_KEYS)
    thinking, limit = body.get("thinking") or {}, body.get("max_tokens")
    mode = thinking.get("type")
    if limit is None:
        yield "max_tokens: Field required"
    elif limit < 1 or limit > facts.output_tokens:
        yield f"max_tokens: {limit} > {facts.output_tokens}, which is the maximum allowed"
    yield from _claude_mode(body, facts, thinking, limit or 0)
    thinks = mode in ("enabled", "adaptive") or (mode is None and facts.on_by_default)
    yield from _claude_sampling(body, facts, thinks)
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if forced and (not facts.forced or mode == "enabled"):
        yield "Thinking may not be enabled when tool_choice forces tool use."
    turns = body["messages"]
    if turns[-1]["role"] == "assistant" and (facts.adaptive or mode == "enabled"):
        yield "This model does not support assistant message prefill."  # kilocode 8262
    for turn in turns:
        for part in turn["content"] if isinstance(turn["content"], list) else []:
            if part["type"] == "thinking" and part["signature"] != f"sig:{model}":
                yield "Invalid `signature` in `thinking` block"
    if mode == "enabled" and _loop_began_without_thinking(turns):
        yield "Expected `thinking` or `redacted_thinking`, but found `tool_use`."
    edits = (body.get("context_management") or {}).get("edits") or []
    if any(edit["type"] == "clear_thinking_20251015" for edit in edits) and not thinks:
        yield "`clear_thinking_20251015` strategy requires `thinking` to be enabled or adaptive"  # claude-code 11971


def _claude_mode(body: Json, facts: ClaudeModel, thinking: Json, limit: int) -> Iterator[str]:
    mode, effort = thinking.get("type"), (body.get("output_config") or {}).get("effort")
    if mode == "enabled":
        if not facts.budget:
            yield "thinking.type.enabled is not supported for this model."
        if thinking.get("budget_tokens", 0) < 1024:
            yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        if thinking.get("budget_tokens", 0) >= limit:
            yield "`max_tokens` must be greater than `thinking.budget_tokens`"
    elif mode == "adaptive":
        if not facts.adaptive:
            yield "adaptive thinking is not supported on this model"
    elif mode is not None and mode not in facts.off and not (mode == "disabled" and facts.budget):
        yield f"thinking.type: '{mode}' is not supported on this model"
    if mode in ("disabled", "between_tools") and effort in ("xhigh", "max") and not facts.off_above_high:
        yield "effort above high needs thinking"
    if effort is not None and effort not in facts.efforts:
        yield f"output_config.effort: '{effort}' is not supported on this model"


def _claude_sampling(body: Json, facts: ClaudeModel, thinks: bool) -> Iterator[str]:
    temperature, top_p, top_k = (body.get(key) for key in ("temperature", "top_p", "top_k"))
    if temperature is not None and temperature != 1 and (thinks or not facts.sampling):
        yield "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode."
    if top_k is not None and (thinks or not facts.sampling):
        yield "`top_k` must be unset when thinking is enabled."
    if top_p is not None and (not facts.sampling or (thinks and top_p < 0.95)):
        yield "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."
    if temperature is not None and top_p is not None and facts.one_sampler and not thinks:
        yield "`temperature` and `top_p` cannot both be specified for this model."  # litellm 15097


def _loop_began_without_thinking(turns: list[Json]) -> bool:
    result = any(
        part["type"] == "tool_result" for part in turns[-1]["content"] if isinstance(turns[-1]["content"], list)
    )
    last = next((turn for turn in reversed(turns) if turn["role"] == "assistant"), None)
    if not result or last is None or not isinstance(last["content"], list):
        return False
    return last["content"][0]["type"] not in ("thinking", "redacted_thinking")


_GEMINI_BUDGETS = {
    "gemini-2.5-pro": (128, 32_768),
    "gemini-2.5-flash": (0, 24_576),
    "gemini-2.5-flash-lite": (512, 24_576),
}
_GEMINI_LEVELS = {
    "gemini-3-flash-preview": ("minimal", *LMH),
    "gemini-3-pro-preview": ("low", "high"),
    "gemini-3.1-pro-preview": LMH,
    "gemini-3.5-flash-lite": ("minimal", *LMH),
    "gemini-3.6-flash": ("minimal", *LMH),
    "gemini-3.7-flash": LMH,
    "gemini-3.8-flash": LMH,
    "gemini-4-argon": LMH,
}
GEMINI = (*_GEMINI_BUDGETS, *_GEMINI_LEVELS)
_NO_PENALTIES = ("gemini-3.5-flash-lite", "gemini-3.6-flash", "gemini-3.7-flash", "gemini-3.8-flash")


def _gemini(body: Json, model: str, _: str) -> Iterator[str]:
    """ai.google.dev thinking tables; Agent Platform's page of gemini-3.6-flash for penalties and a last model turn."""
    settings = body.get("generationConfig") or body.get("generation_config") or {}
    thinking = settings.get("thinkingConfig") or settings.get("thinking_config") or {}
    budget = thinking.get("thinkingBudget", thinking.get("thinking_budget"))
    level = thinking.get("thinkingLevel", thinking.get("thinking_level"))
    shown = thinking.get("includeThoughts", thinking.get("include_thoughts"))
    if budget is not None and level is not None:
        yield "You can only set only one of thinking budget and thinking level."
    if level is not None and level.lower() not in _GEMINI_LEVELS.get(model, ()):
        yield "Thinking level is not supported for this model."
    low, high = _GEMINI_BUDGETS.get(model, (0, 32_768))
    if budget is not None and budget not in (-1, 0) and not low <= budget <= high:
        yield f"The thinking budget {budget} is invalid."
    if budget == 0 and model not in ("gemini-2.5-flash", "gemini-2.5-flash-lite"):
        yield "Budget 0 is invalid. This model only works in thinking mode."
    if shown and budget == 0:
        yield "include_thoughts is only enabled when thinking is enabled."
    limit = settings.get("maxOutputTokens", settings.get("max_output_tokens"))
    if limit is not None and not 1 <= limit <= 65_536:
        yield "maxOutputTokens is out of range"
    if model in _NO_PENALTIES:
        if settings.get("presencePenalty") or settings.get("frequencyPenalty"):
            yield "Penalty is not enabled for this model"
        if body["contents"][-1].get("role") == "model":
            yield "Please ensure that the last turn is the user's"


def _lacks_reasoning(body: Json) -> bool:
    return any(
        turn["role"] == "assistant" and turn.get("tool_calls") and "reasoning_content" not in turn
        for turn in body["messages"]
    )


def _forces_tool(body: Json) -> bool:
    choice = body.get("tool_choice")
    return choice == "required" or isinstance(choice, dict)


DEEPSEEK = ("deepseek-v4-pro", "deepseek-v4-flash", "deepseek-chat")


def _deepseek(body: Json, model: str, _: str) -> Iterator[str]:
    """api-docs.deepseek.com/guides/thinking_mode; litellm 37470 (forced tools), LibreChat 12836 (history)."""
    mode = (body.get("thinking") or {}).get("type")
    if mode not in (None, "enabled", "disabled"):
        yield "thinking.type must be enabled or disabled"
    if body.get("reasoning_effort") not in (None, *LMH, "max", "xhigh"):
        yield "unknown reasoning_effort"
    thinks = mode == "enabled" or (mode is None and model != "deepseek-chat")
    if thinks and _forces_tool(body):
        yield "tool_choice is not supported in thinking mode"
    if thinks and _lacks_reasoning(body):
        yield "The `reasoning_content` in the thinking mode must be passed back to the API."
    if thinks and body.get("logprobs"):
        yield "logprobs is not supported in thinking mode"


KIMI = ("kimi-k2.5", "kimi-k2.6")


def _moonshot(body: Json, model: str, _: str) -> Iterator[str]:
    """platform.kimi.ai's K2.5 guide: fixed sampling (VideoAdGuard 34, kimi-code 686), history (opencode 16318)."""
    mode = (body.get("thinking") or {}).get("type")
    if mode not in (None, "enabled", "disabled"):
        yield "thinking.type must be enabled or disabled"
    thinks = mode != "disabled"
    fixed = {"temperature": 1 if thinks else 0.6, "top_p": 0.95, "n": 1, "presence_penalty": 0, "frequency_penalty": 0}
    yield from (f"invalid {key}: only {v} is allowed" for key, v in fixed.items() if body.get(key) not in (None, v))
    if thinks and _forces_tool(body):
        yield "tool_choice 'specified' is incompatible with thinking enabled"
    if thinks and _lacks_reasoning(body):
        yield "thinking is enabled but reasoning_content is missing in assistant tool call message"


VLLM = ("Qwen/Qwen3-8B", "openai/gpt-oss-120b", "deepseek-ai/DeepSeek-V3.1", "ibm-granite/granite-3.3-8b-instruct")
_VLLM_CONTEXT = 16_384


def _vllm(body: Json, model: str, _: str) -> Iterator[str]:
    """A server of one's own with a context of 16,384 tokens; vLLM refuses a limit that does not fit."""
    if "gpt-oss" in model and body.get("reasoning_effort") not in (None, *LMH):
        yield "reasoning_effort must be low, medium or high"
    for key in ("max_tokens", "max_completion_tokens"):
        if (body.get(key) or 0) > _VLLM_CONTEXT:
            yield "max_tokens is too large: it exceeds the model's context"


QWEN = ("qwen3-32b", "qwen3.5-plus", "qwen3.6-plus")


def _dashscope(body: Json, model: str, _: str) -> Iterator[str]:
    """Alibaba's pages on deep thinking: forced tools (eino 994), JSON mode (presenton 184), no streaming."""
    thinks = body.get("enable_thinking") is not False
    if thinks and _forces_tool(body):
        yield "The tool_choice parameter does not support being set to required or object in thinking mode"
    if thinks and (body.get("response_format") or {}).get("type") == "json_object":
        yield "Json mode response is not supported when enable_thinking is true"
    if thinks and model == "qwen3-32b" and body.get("stream") is not True:
        yield "parameter.enable_thinking must be set to false for non-streaming calls"  # langchain4j 3974


GROK = {"grok-3-mini": ("none", "low", "high"), "grok-4.3": ("none", *LMH), "grok-4.5": LMH}


def _xai(body: Json, model: str, _: str) -> Iterator[str]:
    """docs.x.ai: reasoning models refuse penalties and stop; @ai-sdk/xai and pydantic-ai for the efforts."""
    for key in ("presence_penalty", "frequency_penalty", "stop"):
        if body.get(key) is not None:
            yield f"Model {model} does not support parameter {key}."
    if body.get("reasoning_effort") not in (None, *GROK[model]):
        yield "invalid reasoning_effort"


GLM = ("glm-4.6", "glm-5.1", "glm-5.3")


def _zai(body: Json, model: str, _: str) -> Iterator[str]:
    """pydantic-ai's profile of GLM (Z.AI's pages and error text): 5.3 thinks always, at three efforts."""
    mode = (body.get("thinking") or {}).get("type")
    if mode not in (None, "enabled", "disabled") or (mode == "disabled" and model == "glm-5.3"):
        yield f"thinking.type {mode} is not supported: please use low, high, or max"
    if model == "glm-5.3" and body.get("reasoning_effort") not in (None, "low", "high", "max"):
        yield "please use low, high, or max"


OPENROUTER = (
    "openai/gpt-5.1",
    "anthropic/claude-sonnet-4.5",
    "google/gemini-2.5-flash",
    "qwen/qwen3-32b",
    "openai/gpt-4o",
)


def _openrouter(body: Json, model: str, _: str) -> Iterator[str]:
    """openrouter.ai's page on reasoning tokens: one of effort and max_tokens."""
    reasoning = body.get("reasoning") or {}
    if reasoning.get("effort") is not None and reasoning.get("max_tokens") is not None:
        yield "Only one of reasoning.effort and reasoning.max_tokens can be specified"
    if reasoning.get("effort") not in (None, "none", "minimal", *LMH, "xhigh", "max"):
        yield "Invalid reasoning.effort"


_HOSTS: dict[str, Callable[[Json, str, str], Iterator[str]]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "google": _gemini,
    "deepseek": _deepseek,
    "moonshot": _moonshot,
    "vllm": _vllm,
    "openrouter": _openrouter,
    "dashscope": _dashscope,
    "xai": _xai,
    "zai": _zai,
}


def refusal(host: str, api: str, model: str, body: Json) -> str | None:
    """Give the reason why a host answers 400.

    Examples
    --------
    >>> refusal("openai", "chat", "o3", {"model": "o3", "messages": [], "stop": ["x"]})
    "Unsupported parameter: 'stop' is not supported with this model."
    """
    return next(_HOSTS[host](body, model, api), None)
