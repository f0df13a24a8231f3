"""Pydantic models of the HTTP API: they validate decision requests and generate the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from serving.decision import Bucket, Effort, Fallback

MAX_NAME: Final = 256
"""Longest tenant, session, task or model name."""
MAX_DEADLINE_MS: Final = 86_400_000
"""One day."""

_PART: Final = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "enum": ["text", "image_url", "input_audio", "file"]},
        "text": {"type": "string", "description": "The text of a `text` part."},
    },
    "description": "Text parts are read; images, audio and files are counted, so their data may be left out.",
    "if": {"properties": {"type": {"const": "text"}}},
    "then": {"required": ["text"]},
}
_MESSAGE: Final = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": {"type": "string", "enum": ["system", "developer", "user", "assistant", "tool", "function"]},
        "content": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": _PART}, {"type": "null"}],
            "description": "Text, a list of parts, or null (an assistant turn that only calls tools).",
        },
        "tool_calls": {"anyOf": [{"type": "array"}, {"type": "null"}], "description": "Counted, not read."},
    },
    "description": "One turn in OpenAI chat form; fields beside these are allowed and not read.",
}
_ONE_OF_TWO: Final[dict[str, Any]] = {
    "oneOf": [
        {
            "required": ["messages"],
            "properties": {"messages": {"type": "array"}, "prompt": {"type": "null"}},
        },
        {
            "required": ["prompt"],
            "properties": {"prompt": {"type": "string", "pattern": r"\S"}, "messages": {"type": "null"}},
        },
    ]
}
_MESSAGES: Final = {
    "anyOf": [{"type": "array", "items": _MESSAGE, "minItems": 1}, {"type": "null"}],
    "title": "Messages",
}
_TOOLS: Final = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 100_000},
        {"type": "array", "items": {"type": "object"}},
        {"type": "null"},
    ],
    "title": "Tools",
}


def _count_tools(value: object) -> object:
    """Convert a list of tool definitions, as OpenAI clients send it, to its length."""
    if not isinstance(value, list):
        return value
    if not all(isinstance(tool, dict) for tool in value):
        raise PydanticCustomError("tools", "each tool must be an object; a plain number of tools is enough")
    return len(value)


Name = Annotated[str, Field(max_length=MAX_NAME)]
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class WireModel(BaseModel):
    """Base of all bodies: strict types, no unknown fields, immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class DecisionRequest(WireModel):
    """What is about to be sent to a model: `messages` or `prompt`, and whatever context is known."""

    model_config = ConfigDict(json_schema_extra=_ONE_OF_TWO)

    messages: Annotated[
        list[Any] | None,
        WithJsonSchema(_MESSAGES),
        Field(description="The conversation in OpenAI chat form, oldest turn first, not empty. This or `prompt`."),
    ] = None
    prompt: Annotated[str | None, Field(description="One user turn as plain text. This or `messages`.")] = None
    model: Annotated[Name | None, Field(description="The model that the client asked for.")] = None
    tenant: Annotated[Name | None, Field(description="Who pays; budgets and reports go by it.")] = None
    session_id: Annotated[Name | None, Field(description="Conversation that this request belongs to.")] = None
    task: Annotated[Name | None, Field(description="Task label, where the caller knows it.")] = None
    deadline_ms: Annotated[
        Annotated[float, Field(gt=0, le=MAX_DEADLINE_MS, allow_inf_nan=False)] | None,
        Field(description="Arms whose 95th percentile latency is longer are out."),
    ] = None
    value_of_success_usd: Annotated[
        Amount | None, Field(description="What a right answer is worth, in USD; the policy's own value otherwise.")
    ] = None
    max_cost_usd: Annotated[Amount | None, Field(description="Arms that are expected to cost more are out.")] = None
    client_effort: Annotated[
        Effort | None, Field(description="Reasoning effort that the client asked for itself; it wins by default.")
    ] = None
    tools: Annotated[
        Annotated[int, Field(ge=0, le=100_000)] | None,
        BeforeValidator(_count_tools),
        WithJsonSchema(_TOOLS),
        Field(description="The tools offered to the model: their number, or the OpenAI list, which is counted."),
    ] = None


class BatchRequest(WireModel):
    """Several decision requests; each is answered on its own."""

    requests: Annotated[
        list[Any],
        Field(min_length=1, description="Decision requests; a bad one gets a problem and spoils no other."),
        WithJsonSchema({"type": "array", "items": {"$ref": "#/components/schemas/DecisionRequest"}, "minItems": 1}),
    ]


class ArmEstimateAnswer(WireModel):
    """What one arm is expected to give and to cost for this request."""

    success: Annotated[float, Field(description="P(success) of one call, calibrated.")]
    cost_usd: Annotated[float, Field(description="Expected cost in USD, hidden tokens included.")]
    latency_p95_ms: Annotated[float, Field(description="95th percentile of the latency.")]
    output_tokens: Annotated[float, Field(description="Expected output tokens, hidden ones included.")]


class CapsAnswer(WireModel):
    """Hard limits for the call that follows."""

    max_reasoning_tokens: Annotated[int, Field(description="0: reasoning stays off.")]
    max_retries: int
    max_total_ms: int


class DecisionAnswer(WireModel):
    """Which arm to use, and why."""

    decision_id: Annotated[str, Field(description="Names this decision when its outcome is reported.")]
    arm: Annotated[str, Field(description="The arm to use.")]
    model: Annotated[str, Field(description="The arm's model.")]
    effort: Annotated[Effort, Field(description="The arm's reasoning effort.")]
    bucket: Annotated[Bucket, Field(description="Does reasoning pay: for sure (`use`), perhaps, or not (`avoid`).")]
    propensity: Annotated[float, Field(description="Probability with which the policy picked this arm.")]
    reason: Annotated[str, Field(description="One line for a person.")]
    estimates: Annotated[dict[str, ArmEstimateAnswer], Field(description="By arm; empty in a fallback.")]
    caps: CapsAnswer
    support: Annotated[float, Field(description="How well the training data covers this request, 0 to 1.")]
    fallback: Annotated[Fallback | None, Field(description="Who answered in the model's place; null: the model did.")]
    bundle_id: str
    policy: str
    elapsed_us: Annotated[int, Field(description="Microseconds that the decision took inside the server.")]


class FaultAnswer(WireModel):
    """One thing that is wrong with the body."""

    pointer: Annotated[str, Field(description="Where, as a JSON pointer: `#/messages/0/role`.")]
    detail: Annotated[str, Field(description="What to change.")]


class ProblemAnswer(WireModel):
    """What went wrong and how to cure it (RFC 9457)."""

    type: Annotated[str, Field(description="Stable name of the kind of problem.")]
    title: str
    status: int
    detail: str
    errors: list[FaultAnswer] | None = None


class BatchItemAnswer(WireModel):
    """One request's answer: exactly one of the two is there."""

    decision: DecisionAnswer | None = None
    problem: ProblemAnswer | None = None


class BatchAnswer(WireModel):
    """Answers in the order of the requests."""

    results: list[BatchItemAnswer]


class ArmAnswer(WireModel):
    """One way to serve a request."""

    name: str
    model: str
    effort: Effort


class ModelAnswer(WireModel):
    """What decides at present."""

    bundle_id: str
    cold_start: Annotated[bool, Field(description="True: no trained bundle yet, prior knowledge decides.")]
    policy: str
    capabilities: Annotated[str, Field(description="Date and digest of what is known of models and hosts.")]
    arms: Annotated[list[ArmAnswer], Field(description="The first one is the baseline.")]
    decisions: Annotated[int, Field(description="Answers of this process since its start.")]
    fallbacks: Annotated[int, Field(description="Those of them that the model did not make.")]
    bundle: Annotated[
        dict[str, Any], Field(description="What the manifest tells; `arm_notes`: arms not controlled as they ask.")
    ]


class StatusAnswer(WireModel):
    """A sign of life."""

    status: str
