"""The OpenAPI document: complete references, models of raw routes, problems by status."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI

from serving.http_api.docs.examples import PROBLEM
from serving.http_api.docs.openapi import (
    BODY_REFUSALS,
    DECISION_REFUSALS,
    complete_document,
    problem_responses,
    request_body,
    responses,
)
from serving.http_api.route import RouteText
from serving.schemas.models import BatchAnswer, BatchRequest
from serving.schemas.problems import DENIED, INVALID, NO_KEY
from tests.support.fakes import LengthDecider, client_of, make_service


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = client_of(make_service(LengthDecider())).get("/openapi.json").json()
    return found


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in _references(value)]
    return [found for value in node for found in _references(value)] if isinstance(node, list) else []


def test_every_route_is_described(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/v1/decisions",
        "/v1/decisions/batch",
        "/v1/rewrite",
        "/v1/webhooks/portkey",
        "/v1/webhooks/plano/{request_path}",
        "/v1/model",
        "/healthz",
        "/readyz",
    }
    names = [operation["operationId"] for verbs in document["paths"].values() for operation in verbs.values()]
    assert len(set(names)) == len(names)


def test_every_reference_leads_to_a_valid_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {reference.rpartition("/")[2] for reference in _references(document)} <= set(schemas)
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_models_of_raw_routes_join_the_document_with_all_they_need() -> None:
    text = RouteText("s", "d", {}, {}, reads=(BatchRequest,), writes=(BatchAnswer,))
    schemas = complete_document(FastAPI(), [text])["components"]["schemas"]
    assert {"BatchRequest", "BatchAnswer", "DecisionAnswer", "ProblemAnswer"} <= set(schemas)
    assert "BatchRequest" not in complete_document(FastAPI(), [])["components"]["schemas"]


def test_calls_may_come_with_a_key_or_without(document: dict[str, Any]) -> None:
    assert document["security"] == [{}, {"bearer": []}, {"header": []}]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}


def test_responses_hold_success_and_problems_by_status() -> None:
    described = responses(BatchAnswer, {"results": []})
    assert set(described) == {200} | {kind.status for kind in DECISION_REFUSALS}
    assert set(DECISION_REFUSALS) - set(BODY_REFUSALS) == {DENIED}
    success = described[200]["content"]["application/json"]
    assert success == {"schema": {"$ref": "#/components/schemas/BatchAnswer"}, "example": {"results": []}}


def test_problem_responses_show_an_example_of_an_invalid_request_only() -> None:
    described = problem_responses((INVALID, NO_KEY))
    assert described[422]["content"]["application/problem+json"]["example"] == PROBLEM
    assert "example" not in described[401]["content"]["application/problem+json"]
    assert "urn:thinkgate:problem:unauthenticated" in described[401]["description"]


def test_request_body_without_examples_has_none() -> None:
    body = request_body({"type": "object"}, ())["requestBody"]
    assert body["required"] is True
    assert body["content"]["application/json"]["examples"] == {}
