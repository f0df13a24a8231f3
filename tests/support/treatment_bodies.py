"""Generated bodies of model calls: every endpoint, with settings, tools, open loops, efforts and limits of clients."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from serving.decision.types import Arm, Effort, Price

Body = dict[str, Any]

PRICE = Price(1.25, 10.0)


def pair(model: str, low: Effort = "none", high: Effort = "high", other: str | None = None) -> tuple[Arm, ...]:
    """Give two arms."""
    return (Arm("direct", model, low, price=PRICE), Arm("reasoning", other or model, high, 2500.0, price=PRICE))


@dataclass(frozen=True)
class Family:
    """Arms, and the endpoint that their model is called at."""

    path: str
    arms: tuple[Arm, ...]
    url_model: str | None = None


CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
FAMILIES = (
    Family(CHAT, pair("gpt-5.1")),
    Family(CHAT, pair("gpt-5-mini", "minimal")),
    Family(CHAT, pair("gpt-5.1", other="o3")),
    Family(CHAT, (*pair("gpt-5.1"), Arm("middle", "gpt-5.1", "medium", 900.0, price=PRICE))),
    Family(CHAT, pair("Qwen/Qwen3-8B")),
    Family(CHAT, pair("deepseek-chat")),
    Family(CHAT, pair("glm-4.6")),
    Family(CHAT, pair("nobody-knows-it")),
    Family(RESPONSES, pair("gpt-5.1")),
    Family(RESPONSES, pair("gpt-5.1", other="o3")),
    Family(MESSAGES, pair("claude-sonnet-4-5")),
    Family(MESSAGES, pair("claude-opus-4-6")),
    Family(MESSAGES, pair("claude-sonnet-4-5", other="claude-opus-4-6")),
    Family("/v1beta/models/gemini-2.5-flash:generateContent", pair("gemini-2.5-flash"), "gemini-2.5-flash"),
)
TEXTS = (
    "What is the capital of France?",
    "Prove that the square root of 2 is irrational, step by step.",
    "Translate 'good morning' to German.",
    "A train leaves at 9:40 at 80 km/h, another at 10:10 at 110 km/h. When do they meet, and where?",
    "Write a function that merges overlapping intervals, and argue that it is right.",
)
_TOOL = {"name": "add", "description": "adds", "parameters": {"type": "object", "properties": {}}}


def make_body(rng: random.Random, family: Family) -> Body:
    """Make one body."""
    text = rng.choice(TEXTS) + " " * rng.randrange(3)
    model = rng.choice(family.arms).model
    if family.path == CHAT:
        return _chat(rng, model, text)
    if family.path == RESPONSES:
        return _responses(rng, model, text)
    return _messages(rng, model, text) if family.path == MESSAGES else _gemini(rng, text)


def _chat(rng: random.Random, model: str, text: str) -> Body:
    body: Body = {"model": model, "messages": [{"role": "user", "content": text}]}
    if rng.random() < 0.2:
        body["messages"].insert(0, {"role": "system", "content": "Be brief."})
    _sometimes(
        rng, body, temperature=(0.0, 0.2, 1), top_p=(0.9, 1), seed=(7,), presence_penalty=(0, 0.5), stop=(["#"],)
    )
    _sometimes(rng, body, max_tokens=(5, 300, 4096), logprobs=(True,), n=(1, 2), user=("u",), stream=(True,))
    if rng.random() < 0.25:
        body["tools"] = [{"type": "function", "function": _TOOL}]
        _sometimes(rng, body, tool_choice=("auto", "required"))
        if rng.random() < 0.4:
            call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
            body["messages"] += [
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c1", "content": "4"},
            ]
    if rng.random() < 0.25:
        body |= _own_effort(rng, model)
    return body


def _own_effort(rng: random.Random, model: str) -> Body:
    """State an effort in the words of the model."""
    on = rng.random() < 0.5
    if model.startswith("Qwen"):
        return {"chat_template_kwargs": {"enable_thinking": on}}
    if model.startswith(("deepseek", "glm")):
        return {"thinking": {"type": "enabled" if on else "disabled"}}
    if model.startswith("gpt-5.1"):
        return {"reasoning_effort": rng.choice(("none", "low", "medium", "high"))}
    return {"reasoning_effort": rng.choice(("low", "medium", "high"))} if model.startswith(("gpt-5", "o3")) else {}


def _responses(rng: random.Random, model: str, text: str) -> Body:
    body: Body = {"model": model, "input": text if rng.random() < 0.5 else [{"role": "user", "content": text}]}
    _sometimes(rng, body, temperature=(0.2, 1), top_p=(0.9,), max_output_tokens=(5, 400, 4096), store=(False,))
    if isinstance(body["input"], list) and rng.random() < 0.3:
        body["tools"] = [{"type": "function", **_TOOL}]
        body["input"] += [
            {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "4"},
        ]
    if rng.random() < 0.25:
        body["reasoning"] = {"effort": rng.choice(("low", "medium", "high")), "summary": "auto"}
    return body


def _messages(rng: random.Random, model: str, text: str) -> Body:
    limit = rng.choice((20, 500, 2000, 16_000))
    body: Body = {"model": model, "max_tokens": limit, "messages": [{"role": "user", "content": text}]}
    _sometimes(rng, body, temperature=(0.3, 1), top_p=(0.5, 0.99), top_k=(40,), system=("Be brief.",))
    if rng.random() < 0.25:
        body["tools"] = [{"name": "add", "input_schema": {"type": "object"}}]
        _sometimes(rng, body, tool_choice=({"type": "auto"}, {"type": "any"}))
        if rng.random() < 0.4:
            use = {"type": "tool_use", "id": "t1", "name": "add", "input": {}}
            result = {"type": "tool_result", "tool_use_id": "t1", "content": "4"}
            body["messages"] += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    if rng.random() < 0.2 and limit > 4000:
        own = {"type": "enabled", "budget_tokens": 2048} if model == "claude-sonnet-4-5" else {"type": "disabled"}
        body["thinking"] = own
    return body


def _gemini(rng: random.Random, text: str) -> Body:
    settings: Body = {}
    _sometimes(rng, settings, temperature=(0.2, 1), maxOutputTokens=(20, 600, 8000), topP=(0.9,))
    if rng.random() < 0.25:
        settings["thinkingConfig"] = {"thinkingBudget": rng.choice((0, 1024, 8192))}
    body: Body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return body | ({"generationConfig": settings} if settings else {})


def _sometimes(rng: random.Random, body: Body, **choices: tuple[Any, ...]) -> None:
    for name, values in choices.items():
        if rng.random() < 0.12:
            body[name] = rng.choice(values)
