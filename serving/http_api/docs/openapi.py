"""The OpenAPI document: FastAPI's own, completed for the routes that the fast path runs, with examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.decision.providers.endpoints import DIALECTS
from serving.http_api.docs.examples import (
    BATCH_REQUESTS,
    DECISION,
    DECISION_REQUESTS,
    PROBLEM,
    REWRITE_BODIES,
    REWRITE_PATCH,
    REWRITTEN,
    BodyExample,
)
from serving.http_api.route import RouteText
from serving.schemas.models import BatchAnswer, BatchRequest, DecisionAnswer, DecisionRequest, ProblemAnswer
from serving.schemas.problems import (
    DENIED,
    INVALID,
    MEDIA_TYPE,
    NO_KEY,
    NOT_JSON,
    RATE_LIMITED,
    TOO_LARGE,
    TOO_SLOW,
    WRONG_TYPE,
    ProblemKind,
)

DESCRIPTION: Final = (
    "Tells an LLM gateway, before the first token, whether reasoning mode will pay for a request.\n\n"
    "Every answer that is not a success is a problem document (RFC 9457). A decision never fails on the server's"
    " side: where the model can't answer, the fallback does, and `fallback` says so."
)
Mode = Literal["validation", "serialization"]

_PREFIX: Final = "#/components/schemas/"
BODY_REFUSALS: Final = (NOT_JSON, NO_KEY, TOO_SLOW, TOO_LARGE, WRONG_TYPE, INVALID, RATE_LIMITED)
_REFUSALS: Final = (*BODY_REFUSALS, DENIED)
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Where the server runs with `--keys`."},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}


def problem_response(kind: ProblemKind) -> dict[str, Any]:
    """Describe one kind of problem as a response."""
    content: dict[str, Any] = {"schema": model_reference(ProblemAnswer)}
    if kind is INVALID:
        content["example"] = PROBLEM
    return {"description": f"{kind.title} (`{kind.uri}`).", "content": {MEDIA_TYPE.decode(): content}}


def complete_document(app: FastAPI, texts: Iterable[RouteText]) -> dict[str, Any]:
    """Give the document of `app`, with the models that only raw routes read and write.

    Returns
    -------
    dict
        OpenAPI 3.1.
    """
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    told: dict[tuple[type[BaseModel], Mode], None] = {(ProblemAnswer, "serialization"): None}
    for text in texts:
        told |= {(model, "validation"): None for model in text.reads}
        told |= {(model, "serialization"): None for model in text.writes}
    _, models = models_json_schema(list(told), ref_template=_PREFIX + "{model}")
    document.setdefault("components", {}).setdefault("schemas", {}).update(models["$defs"])
    document["components"]["securitySchemes"] = _SECURITY
    document["security"] = [{}, *({name: []} for name in _SECURITY)]
    return document


def model_reference(model: type[BaseModel]) -> dict[str, str]:
    """Refer to a model of the document."""
    return {"$ref": _PREFIX + model.__name__}


def _examples(examples: Sequence[BodyExample]) -> dict[str, Any]:
    return {example.name: {"summary": example.summary, "value": example.value} for example in examples}


def request_body(schema: dict[str, Any], examples: Sequence[BodyExample]) -> dict[str, Any]:
    """Describe what a route takes."""
    content = {"schema": schema, "examples": _examples(examples)}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def responses(
    model: type[BaseModel], example: object, refusals: Iterable[ProblemKind] = _REFUSALS
) -> dict[int | str, dict[str, Any]]:
    """Describe what a route answers: a success, and problems."""
    content = {"schema": model_reference(model), "example": example}
    answers: dict[int | str, dict[str, Any]] = {
        200: {"description": "The answer.", "content": {"application/json": content}}
    }
    return answers | {kind.status: problem_response(kind) for kind in refusals}


DECIDE: Final = RouteText(
    summary="Does reasoning pay for this request?",
    description="Takes `messages` or `prompt`, and whatever is known beside it. Unknown fields are refused.",
    responses=responses(DecisionAnswer, DECISION),
    extra=request_body(model_reference(DecisionRequest), DECISION_REQUESTS),
    reads=(DecisionRequest,),
    writes=(DecisionAnswer,),
)
DECIDE_BATCH: Final = RouteText(
    summary="The same for several requests",
    description=(
        "Each request is answered on its own, in its place: with a decision, or with a problem that spoils no other."
        " Only a batch that can't be read as a whole is refused as a whole."
    ),
    responses=responses(BatchAnswer, {"results": [{"decision": DECISION}, {"problem": PROBLEM}]}),
    extra=request_body(model_reference(BatchRequest), BATCH_REQUESTS),
    reads=(BatchRequest, DecisionRequest),
    writes=(BatchAnswer,),
)


def _query(name: str, description: str, values: Sequence[str] = ()) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} | ({"enum": list(values)} if values else {})
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _rewritten() -> dict[int | str, dict[str, Any]]:
    said = {"schema": {"type": "string"}}
    headers = {f"x-thinkgate-{name}": said | {"description": meaning} for name, meaning in _REWRITE_HEADERS.items()}
    content: dict[str, Any] = {
        "application/json": {"schema": {"type": "object"}, "example": REWRITTEN},
        "application/json-patch+json": {"schema": {"type": "array"}, "example": REWRITE_PATCH},
        "application/merge-patch+json": {"schema": {"type": "object"}, "example": {"reasoning_effort": "none"}},
    }
    answers: dict[int | str, dict[str, Any]] = {
        200: {"description": "The body to send on, or what to change in it.", "headers": headers, "content": content}
    }
    return answers | {kind.status: problem_response(kind) for kind in _REFUSALS}


_REWRITE_HEADERS: Final = {
    "decision-id": "Name it when the outcome is reported.",
    "arm": "Arm that was decided.",
    "effort": "Effort that was decided.",
    "applied": "Effort that the body asks for now, as far as its model takes it; `unchanged`: it says nothing of it.",
    "bucket": "`use`, `maybe` or `avoid`.",
    "model": "Model whose words the body speaks.",
    "fallback": "`none`, or who answered where the model could not.",
    "max-reasoning-tokens": "Cap of the call.",
    "max-retries": "Cap of the call.",
    "max-total-ms": "Cap of the call.",
    "note": "Why the body was left alone, where it was.",
}
REWRITE: Final = RouteText(
    summary="Make a provider's request body ask for what pays",
    description=(
        "Takes the body of a model call as the client sent it (OpenAI chat or responses, Anthropic messages, Gemini"
        " generateContent, OpenRouter, and vLLM behind OpenAI chat), decides, and gives back the body to send on."
        " Fields that thinkgate does not know pass through. A client's explicit effort stands unless the policy caps"
        " it, nothing is toggled in an open tool loop, and nothing is set that the model would refuse."
        " Context goes in headers: `x-thinkgate-tenant`, `-session-id`, `-task`, `-deadline-ms`,"
        " `-value-of-success-usd`, `-max-cost-usd`; the query's parameters may be headers too. Where this answers 4xx,"
        " send the client's body on as it is."
    ),
    responses=_rewritten(),
    extra={
        "parameters": [
            _query("form", "`body` (default), `patch` for RFC 6902, `merge` for RFC 7396.", ("body", "patch", "merge")),
            _query("dialect", "Shape of the body; detected where it is left out.", tuple(DIALECTS)),
            _query("model", "The model, where the URL of the call names it and the body does not (Gemini)."),
            _query("drop-sampling", "`true`: let temperature and the like go where the model refuses them."),
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}, "examples": _examples(REWRITE_BODIES)}},
        },
    },
)
