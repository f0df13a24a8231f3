"""The OpenAPI document: FastAPI's own, completed for the raw ASGI routes with their models and examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.http_api.docs.examples import PROBLEM, BodyExample
from serving.http_api.route import RouteText
from serving.schemas import (
    DENIED,
    INVALID,
    MEDIA_TYPE,
    NO_KEY,
    NOT_JSON,
    RATE_LIMITED,
    TOO_LARGE,
    TOO_SLOW,
    WRONG_TYPE,
    ProblemAnswer,
    ProblemKind,
)

DESCRIPTION: Final = (
    "Tells an LLM gateway, before the first token, whether reasoning mode will pay for a request.\n\n"
    "Every answer that is not a success is a problem document (RFC 9457). A decision never fails on the server's"
    " side: where the model can't answer, the fallback does, and `fallback` says so."
)
BODY_REFUSALS: Final = (NOT_JSON, NO_KEY, TOO_SLOW, TOO_LARGE, WRONG_TYPE, INVALID, RATE_LIMITED)
"""Problems of every route that reads a body."""
DECISION_REFUSALS: Final = (*BODY_REFUSALS, DENIED)
"""Problems of every route that decides."""

_Mode = Literal["validation", "serialization"]
_PREFIX: Final = "#/components/schemas/"
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Where the server runs with `--keys`."},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}


def complete_document(app: FastAPI, texts: Iterable[RouteText]) -> dict[str, Any]:
    """Give the document of `app`, with the models that only raw routes read and write.

    Returns
    -------
    dict
        OpenAPI 3.1.
    """
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    used: dict[tuple[type[BaseModel], _Mode], None] = {(ProblemAnswer, "serialization"): None}
    for text in texts:
        used |= {(model, "validation"): None for model in text.reads}
        used |= {(model, "serialization"): None for model in text.writes}
    _, models = models_json_schema(list(used), ref_template=_PREFIX + "{model}")
    document.setdefault("components", {}).setdefault("schemas", {}).update(models["$defs"])
    document["components"]["securitySchemes"] = _SECURITY
    document["security"] = [{}, *({name: []} for name in _SECURITY)]
    return document


def model_reference(model: type[BaseModel]) -> dict[str, str]:
    """Refer to a model of the document.

    Examples
    --------
    >>> model_reference(ProblemAnswer)
    {'$ref': '#/components/schemas/ProblemAnswer'}
    """
    return {"$ref": _PREFIX + model.__name__}


def request_body(schema: dict[str, Any], examples: Sequence[BodyExample]) -> dict[str, Any]:
    """Describe the JSON body that a route reads."""
    named = {example.name: {"summary": example.summary, "value": example.value} for example in examples}
    content = {"schema": schema, "examples": named}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def responses(
    model: type[BaseModel], example: object, refusals: Iterable[ProblemKind] = DECISION_REFUSALS
) -> dict[int | str, dict[str, Any]]:
    """Describe what a route answers: one JSON model with status 200, and problems."""
    content = {"schema": model_reference(model), "example": example}
    success = {"description": "The answer.", "content": {"application/json": content}}
    return {200: success} | problem_responses(refusals)


def problem_responses(kinds: Iterable[ProblemKind]) -> dict[int | str, dict[str, Any]]:
    """Describe kinds of problems as responses, by status."""
    return {kind.status: problem_response(kind) for kind in kinds}


def problem_response(kind: ProblemKind) -> dict[str, Any]:
    """Describe one kind of problem as a response."""
    content: dict[str, Any] = {"schema": model_reference(ProblemAnswer)}
    if kind is INVALID:
        content["example"] = PROBLEM
    return {"description": f"{kind.title} (`{kind.uri}`).", "content": {MEDIA_TYPE.decode(): content}}
