"""Generates request bodies of many hosts, models and clients, with what a decision would make of them; seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from serving.decision.providers.endpoints import Api
from serving.decision.types import EFFORTS, Effort
from tests.support.strict_provider import CLAUDE, DEEPSEEK, GEMINI, GLM, GROK, KIMI, OPENAI, OPENROUTER, QWEN, VLLM

Json = dict[str, Any]

_HOSTS: tuple[tuple[str, Api, tuple[str, ...], float], ...] = (
    ("openai", "chat", tuple(name for name, facts in OPENAI.items() if facts.chat), 5),
    ("openai", "responses", tuple(OPENAI), 3),
    ("anthropic", "messages", tuple(CLAUDE), 5),
    ("google", "gemini", GEMINI, 2),
    ("deepseek", "chat", DEEPSEEK, 2),
    ("moonshot", "chat", KIMI, 1),
    ("vllm", "chat", VLLM, 1),
    ("openrouter", "openrouter", OPENROUTER, 1),
    ("dashscope", "chat", QWEN, 1),
    ("xai", "chat", tuple(GROK), 1),
    ("zai", "chat", GLM, 1),
)
LIMITS = (1, 5, 16, 30, 64, 100, 300, 1000, 1500, 2048, 4096, 8000, 16_000, 32_000, 64_000, 100_000)
_TOOL: Json = {"type": "object", "properties": {"path": {"type": "string"}}}


@dataclass(frozen=True)
class GeneratedCase:
    """One body and the decision on it.

    Parameters
    ----------
    model
        The model that the body, or its URL, names.
    target
        The model of the decided arm.
    """

    host: str
    api: Api
    body: Json
    model: str
    target: str
    effort: Effort
    override_client: bool
    continue_loop: bool
    drop_sampling: bool
    max_reasoning_tokens: int | None


def generate_cases(seed: int) -> Iterator[GeneratedCase]:
    """Generate cases without end."""
    rng = random.Random(seed)
    weights = [weight for *_, weight in _HOSTS]
    while True:
        host, api, models, _ = rng.choices(_HOSTS, weights)[0]
        model = rng.choice(models)
        moves = api != "gemini" and rng.random() < 0.35
        target = rng.choice(models) if moves else model
        continues = rng.random() < 0.3
        # In a known session the decided model wrote what is signed; else the one that the client names.
        body = _BODIES[api](rng, host, model, target if continues else model)
        yield GeneratedCase(
            host=host,
            api=api,
            body=body,
            model=model,
            target=target,
            effort=rng.choice(EFFORTS),
            override_client=rng.random() < 0.2,
            continue_loop=continues,
            drop_sampling=rng.random() < 0.3,
            max_reasoning_tokens=rng.choice((None, None, 500, 3000)),
        )


def _some(rng: random.Random, body: Json, share: float, **values: Any) -> None:
    """Set each key with a chance, to one of its values."""
    for key, choices in values.items():
        if rng.random() < share:
            body[key] = rng.choice(choices)


def _chat(rng: random.Random, host: str, model: str, _: str) -> Json:
    body: Json = {"model": model, "messages": _chat_turns(rng, host)}
    share = rng.choice((0.02, 0.1, 0.3))
    _some(rng, body, share, temperature=(0, 0.2, 0.6, 1, 1.5), top_p=(0.5, 0.95, 1), stop=(["\n"], "END"))
    _some(rng, body, share, presence_penalty=(0, 0.5), frequency_penalty=(0, 1), logit_bias=({}, {"5": 1}))
    _some(rng, body, share, logprobs=(True, False), n=(1,), seed=(7,), user=("u",), stream=(True, False))
    _some(rng, body, share, response_format=({"type": "json_object"}, {"type": "text"}), verbosity=("low", "medium"))
    if host == "openai":
        _some(rng, body, share, service_tier=("auto", "flex"), prediction=({"type": "content", "content": "x"},))
        _some(rng, body, share, metadata=({"k": "v"},), store=(False,))
    if body.get("logprobs"):
        _some(rng, body, 0.5, top_logprobs=(0, 2))
    if rng.random() < 0.4:
        key = "max_completion_tokens" if host == "openai" and rng.random() < 0.7 else "max_tokens"
        body[key] = rng.choice(LIMITS)
    if rng.random() < 0.4:
        body["tools"] = [{"type": "function", "function": {"name": "ls", "parameters": _TOOL}}]
        forced = {"type": "function", "function": {"name": "ls"}}
        _some(rng, body, 0.4, tool_choice=("auto", "none", "required", forced))
        _some(rng, body, 0.2, parallel_tool_calls=(True, False))
    _client_effort(rng, body, host, model)
    return body


def _client_effort(rng: random.Random, body: Json, host: str, model: str) -> None:
    if rng.random() > 0.2:
        return
    if host == "openai" or "gpt-oss" in model:
        body["reasoning_effort"] = rng.choice(EFFORTS)
    elif host == "dashscope":
        body["enable_thinking"] = rng.random() < 0.5
    elif host == "xai":
        body["reasoning_effort"] = rng.choice(("none", "low", "high"))
    elif host in ("deepseek", "moonshot", "zai"):
        body["thinking"] = {"type": rng.choice(("enabled", "disabled"))}
    elif host == "openrouter":
        body["reasoning"] = rng.choice(({"effort": "low"}, {"enabled": False}, {"max_tokens": 3000}, {"exclude": True}))
    elif host == "vllm":
        body["chat_template_kwargs"] = {"enable_thinking": rng.random() < 0.5}


def _chat_turns(rng: random.Random, host: str) -> list[Json]:
    turns: list[Json] = [{"role": "system", "content": "Be brief."}] if rng.random() < 0.5 else []
    turns.append({"role": "user", "content": "List the files, then say which loop ends."})
    call: Json = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    thinking = host in ("deepseek", "moonshot") and rng.random() < 0.4
    kind = rng.choice(("first", "first", "said", "tools", "tools", "loop", "reminder", "begun"))
    if kind in ("tools", "loop", "reminder"):
        asked: Json = {"role": "assistant", "content": None, "tool_calls": [call]}
        if thinking:
            asked["reasoning_content"] = rng.choice(("List them first.", ""))
        turns += [asked, {"role": "tool", "tool_call_id": "c1", "content": "a.py"}]
    if kind == "reminder":
        turns.append({"role": "user", "content": "<system-reminder>Be brief.</system-reminder>"})
    if kind in ("said", "tools"):
        said: Json = {"role": "assistant", "content": "There is a.py."}
        if thinking:
            said["reasoning_content"] = "One file."
        turns += [said, {"role": "user", "content": "Prove that its loop ends."}]
    if kind == "begun":
        turns.append({"role": "assistant", "content": "{"})
    return turns


def _responses(rng: random.Random, _: str, model: str, writer: str) -> Json:
    body: Json = {"model": model, "input": "Prove it." if rng.random() < 0.3 else _items(rng, writer)}
    share = rng.choice((0.02, 0.1, 0.3))
    _some(rng, body, share, temperature=(0.2, 1), top_p=(0.5, 1), top_logprobs=(0, 3), store=(False,))
    _some(rng, body, share, text=({"verbosity": "low"}, {"verbosity": "medium"}), service_tier=("flex", "auto"))
    _some(rng, body, share, instructions=("Be brief.",), stream=(False,), parallel_tool_calls=(True, False))
    _some(rng, body, share, include=(["reasoning.encrypted_content"], ["message.output_text.logprobs"], []))
    _some(rng, body, 0.4, max_output_tokens=LIMITS)
    if rng.random() < 0.4:
        function = {"type": "function", "name": "ls", "parameters": _TOOL, "strict": False}
        body["tools"] = rng.choice(([function], [{"type": "web_search"}], [function, {"type": "web_search"}]))
        _some(rng, body, 0.3, tool_choice=("auto", "required", {"type": "function", "name": "ls"}))
    if rng.random() < 0.25:
        body["reasoning"] = rng.choice(({"effort": rng.choice(EFFORTS)}, {"summary": "auto"}))
    return body


def _items(rng: random.Random, writer: str) -> list[Json]:
    items: list[Json] = [{"role": "user", "content": "List the files."}]
    kind = rng.choice(("first", "tools", "loop"))
    if kind != "first":
        if rng.random() < 0.5:
            items.append({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": f"enc:{writer}"})
        items.append({"type": "function_call", "call_id": "c1", "name": "ls", "arguments": "{}"})
        items.append({"type": "function_call_output", "call_id": "c1", "output": "a.py"})
    if kind == "tools":
        items += [{"role": "assistant", "content": "There is a.py."}, {"role": "user", "content": "Prove it."}]
    return items


def _messages(rng: random.Random, _: str, model: str, writer: str) -> Json:
    body: Json = {"model": model, "max_tokens": rng.choice(LIMITS), "messages": _claude_turns(rng, writer)}
    share = rng.choice((0.02, 0.1, 0.3))
    _some(rng, body, share, temperature=(0, 0.2, 1), top_p=(0.5, 0.95, 1), top_k=(5,), stop_sequences=(["END"],))
    _some(rng, body, share, system=("Be brief.",), stream=(False,), metadata=({"user_id": "u"},))
    clear = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    _some(rng, body, share, context_management=(clear, {"edits": [{"type": "clear_tool_uses_20250919"}]}))
    if rng.random() < 0.4:
        body["tools"] = [{"name": "ls", "input_schema": _TOOL}]
        _some(rng, body, 0.4, tool_choice=({"type": "auto"}, {"type": "any"}, {"type": "tool", "name": "ls"}))
    if rng.random() < 0.3:
        body["thinking"] = rng.choice(
            (
                {"type": "adaptive"},
                {"type": "disabled"},
                {"type": "between_tools"},
                {"type": "enabled", "budget_tokens": 2048},
                {"type": "adaptive", "display": "summarized"},
            )
        )
    if rng.random() < 0.2:
        body["output_config"] = {"effort": rng.choice(("low", "medium", "high", "xhigh", "max"))}
    return body


def _claude_turns(rng: random.Random, writer: str) -> list[Json]:
    turns: list[Json] = [{"role": "user", "content": "List the files."}]
    thought: Json = {"type": "thinking", "thinking": "List them.", "signature": f"sig:{writer}"}
    call: Json = {"type": "tool_use", "id": "t1", "name": "ls", "input": {}}
    kind = rng.choice(("first", "first", "said", "tools", "loop", "reminder", "begun"))
    blocks = [thought] if rng.random() < 0.3 else []
    if kind in ("tools", "loop", "reminder"):
        result: Json = {"type": "tool_result", "tool_use_id": "t1", "content": "a.py"}
        turns += [{"role": "assistant", "content": [*blocks, call]}, {"role": "user", "content": [result]}]
    if kind == "reminder":
        turns.append({"role": "user", "content": "<system-reminder>Be brief.</system-reminder>"})
    if kind in ("said", "tools"):
        turns.append({"role": "assistant", "content": [*blocks, {"type": "text", "text": "There is a.py."}]})
        turns.append({"role": "user", "content": "Prove that its loop ends."})
    if kind == "begun":
        turns.append({"role": "assistant", "content": "{"})
    return turns


def _gemini(rng: random.Random, *_: str) -> Json:
    body: Json = {"contents": [{"role": "user", "parts": [{"text": "List the files."}]}]}
    share = rng.choice((0.02, 0.1, 0.3))
    settings: Json = {}
    _some(rng, settings, share, temperature=(0, 0.2, 1), topP=(0.5,), topK=(5,), stopSequences=(["END"],))
    _some(rng, settings, share, presencePenalty=(0.5,), frequencyPenalty=(0.5,), candidateCount=(1,))
    _some(rng, settings, 0.4, maxOutputTokens=LIMITS[:-1])
    if rng.random() < 0.3:
        settings["thinkingConfig"] = rng.choice(
            (
                {"includeThoughts": True},
                {"includeThoughts": False},
                {"thinkingBudget": 0},
                {"thinkingBudget": -1},
                {"thinkingBudget": 1024},
                {"thinkingLevel": "low"},
                {"thinkingLevel": "HIGH", "includeThoughts": True},
            )
        )
    if settings or rng.random() < 0.5:
        body["generationConfig"] = settings
    if rng.random() < 0.3:
        body["tools"] = [{"functionDeclarations": [{"name": "ls"}]}]
        _some(rng, body, 0.4, toolConfig=({"functionCallingConfig": {"mode": "ANY"}},))
        if rng.random() < 0.5:
            body["contents"].append({"role": "model", "parts": [{"functionCall": {"name": "ls", "args": {}}}]})
            body["contents"].append({"role": "user", "parts": [{"functionResponse": {"name": "ls", "response": {}}}]})
    elif rng.random() < 0.1:
        body["contents"].append({"role": "model", "parts": [{"text": "{"}]})
    return body


_BODIES = {"chat": _chat, "openrouter": _chat, "responses": _responses, "messages": _messages, "gemini": _gemini}
