"""The examples of the API's documents: each is a body that the server takes, as the tests prove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class BodyExample:
    """One named body."""

    name: str
    summary: str
    value: Mapping[str, object]


DECISION_REQUESTS: Final = (
    BodyExample("prompt", "A bare prompt", {"prompt": "What is 17 * 23?"}),
    BodyExample(
        "conversation",
        "A conversation, with what a right answer is worth and how long it may take",
        {
            "messages": [
                {"role": "system", "content": "You are a careful planner."},
                {"role": "user", "content": "Plan a rollout of the new billing service over three regions."},
            ],
            "tenant": "acme",
            "value_of_success_usd": 0.5,
            "deadline_ms": 30000,
        },
    ),
    BodyExample(
        "multimodal",
        "Parts other than text are counted; their data may be left out",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "What does this chart show?"}, {"type": "image_url"}],
                }
            ],
            "tools": 2,
        },
    ),
)

BATCH_REQUESTS: Final = (
    BodyExample(
        "two",
        "Two requests",
        {
            "requests": [
                {"prompt": "Translate 'good morning' to German."},
                {"prompt": "Prove that 2 ** 0.5 is no ratio."},
            ]
        },
    ),
)

OUTCOME_REPORTS: Final = (
    BodyExample(
        "outcome",
        "A call that succeeded",
        {
            "decision_id": "01JD3M7WQ2Y5T8K4N6P9R1S3VX",
            "success": 1.0,
            "input_tokens": 128,
            "output_tokens": 240,
            "latency_ms": 1130,
        },
    ),
    BodyExample("failure", "One that ran out of time", {"decision_id": "01JD3M7WQ2", "failure_mode": "timeout"}),
)

DECISION: Final[Mapping[str, object]] = {
    "decision_id": "01JD3M7WQ2Y5T8K4N6P9R1S3VX",
    "arm": "direct",
    "model": "gpt-5.1",
    "effort": "none",
    "bucket": "avoid",
    "propensity": 1.0,
    "reason": "uplift 0.02 [-0.01, 0.05] x 0.50 USD does not pay 0.031 USD",
    "estimates": {
        "direct": {"success": 0.91, "cost_usd": 0.0006, "latency_p95_ms": 1200.0, "output_tokens": 210.0},
        "reasoning": {"success": 0.93, "cost_usd": 0.0316, "latency_p95_ms": 21000.0, "output_tokens": 3100.0},
    },
    "caps": {"max_reasoning_tokens": 0, "max_retries": 1, "max_total_ms": 30000},
    "support": 0.83,
    "fallback": None,
    "bundle_id": "b3f1c29d",
    "policy": "default",
    "elapsed_us": 140,
}

REWRITE_BODIES: Final = (
    BodyExample(
        "openai-chat",
        "OpenAI chat",
        {"model": "gpt-5.1", "messages": [{"role": "user", "content": "Extract the names: Ada met Bob."}]},
    ),
    BodyExample(
        "openai-responses", "OpenAI responses", {"model": "gpt-5.1", "input": "Extract the names: Ada met Bob."}
    ),
    BodyExample(
        "anthropic",
        "Anthropic messages",
        {
            "model": "claude-sonnet-4-5",
            "max_tokens": 4000,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "Prove that 2 ** 0.5 is no ratio."}],
        },
    ),
    BodyExample(
        "gemini",
        "Gemini generateContent; add ?model=gemini-2.5-flash",
        {"contents": [{"role": "user", "parts": [{"text": "Translate 'good morning' to German."}]}]},
    ),
)
REWRITTEN: Final[Mapping[str, object]] = {**REWRITE_BODIES[0].value, "reasoning_effort": "none"}
REWRITE_PATCH: Final = ({"op": "add", "path": "/reasoning_effort", "value": "none"},)

PROBLEM: Final[Mapping[str, object]] = {
    "type": "urn:thinkgate:problem:invalid-request",
    "title": "The request can't be read",
    "status": 422,
    "detail": "promt: unknown field: leave it out, or check its spelling against /docs",
    "errors": [{"pointer": "#/promt", "detail": "unknown field: leave it out, or check its spelling against /docs"}],
}
