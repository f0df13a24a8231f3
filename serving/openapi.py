"""The OpenAPI document: FastAPI's own, completed for the routes that the fast path runs, with examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.examples import BATCH_REQUESTS, DECISION, DECISION_REQUESTS, PROBLEM, Example
from serving.problems import (
    DENIED,
    INVALID,
    MEDIA_TYPE,
    NO_KEY,
    NOT_JSON,
    RATE_LIMITED,
    TOO_LARGE,
    TOO_SLOW,
    WRONG_TYPE,
    Kind,
)
from serving.schemas import BatchAnswer, BatchRequest, DecisionAnswer, DecisionRequest, ProblemAnswer

DESCRIPTION: Final = (
    "Tells an LLM gateway, before the first token, whether reasoning mode will pay for a request.\n\n"
    "Every answer that is not a success is a problem document (RFC 9457). A decision never fails on the server's"
    " side: where the model can't answer, the fallback does, and `fallback` says so."
)
_PREFIX: Final = "#/components/schemas/"
_REFUSALS: Final = (NOT_JSON, NO_KEY, DENIED, TOO_SLOW, TOO_LARGE, WRONG_TYPE, INVALID, RATE_LIMITED)
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Where the server runs with `--keys`."},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}


@dataclass(frozen=True, slots=True)
class RouteText:
    """What the document tells of one route on the fast path.

    Parameters
    ----------
    responses, extra
        In the form that FastAPI's route decorators take.
    """

    summary: str
    description: str
    responses: dict[int | str, dict[str, Any]]
    extra: dict[str, Any]


def problem_response(kind: Kind) -> dict[str, Any]:
    """Describe one kind of problem as a response."""
    content: dict[str, Any] = {"schema": _reference(ProblemAnswer)}
    if kind is INVALID:
        content["example"] = PROBLEM
    return {"description": f"{kind.title} (`{kind.uri}`).", "content": {MEDIA_TYPE.decode(): content}}


def complete_document(app: FastAPI) -> dict[str, Any]:
    """Give the document of `app`, with the models that only the fast path reads and writes.

    Returns
    -------
    dict
        OpenAPI 3.1.
    """
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    _, models = models_json_schema(
        [
            (DecisionRequest, "validation"),
            (BatchRequest, "validation"),
            (DecisionAnswer, "serialization"),
            (BatchAnswer, "serialization"),
            (ProblemAnswer, "serialization"),
        ],
        ref_template=_PREFIX + "{model}",
    )
    document.setdefault("components", {}).setdefault("schemas", {}).update(models["$defs"])
    document["components"]["securitySchemes"] = _SECURITY
    document["security"] = [{}, *({name: []} for name in _SECURITY)]
    return document


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _PREFIX + model.__name__}


def _examples(examples: Sequence[Example]) -> dict[str, Any]:
    return {example.name: {"summary": example.summary, "value": example.value} for example in examples}


def _request_body(model: type[BaseModel], examples: Sequence[Example]) -> dict[str, Any]:
    content = {"schema": _reference(model), "examples": _examples(examples)}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def _responses(model: type[BaseModel], example: object) -> dict[int | str, dict[str, Any]]:
    content = {"schema": _reference(model), "example": example}
    answers: dict[int | str, dict[str, Any]] = {
        200: {"description": "The answer.", "content": {"application/json": content}}
    }
    return answers | {kind.status: problem_response(kind) for kind in _REFUSALS}


DECIDE: Final = RouteText(
    summary="Does reasoning pay for this request?",
    description="Takes `messages` or `prompt`, and whatever is known beside it. Unknown fields are refused.",
    responses=_responses(DecisionAnswer, DECISION),
    extra=_request_body(DecisionRequest, DECISION_REQUESTS),
)
DECIDE_BATCH: Final = RouteText(
    summary="The same for several requests",
    description=(
        "Each request is answered on its own, in its place: with a decision, or with a problem that spoils no other."
        " Only a batch that can't be read as a whole is refused as a whole."
    ),
    responses=_responses(BatchAnswer, {"results": [{"decision": DECISION}, {"problem": PROBLEM}]}),
    extra=_request_body(BatchRequest, BATCH_REQUESTS),
)
