"""Each example of the API document is sent to a server that takes it, and each example answer is one it gives."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest

from serving.http_api.docs.examples import (
    BATCH_REQUESTS,
    DECISION,
    DECISION_REQUESTS,
    EXPLANATION,
    OUTCOME_REPORTS,
    PORTKEY_ANSWER,
    PORTKEY_CALLS,
    PROBLEM,
    REWRITE_BODIES,
    REWRITE_PATCH,
    REWRITTEN_BODY,
    BodyExample,
)
from serving.http_api.explanations import ExplanationAnswer
from serving.schemas.limits import RequestLimits
from serving.schemas.models import DecisionAnswer
from serving.schemas.outcome_codec import read_outcomes
from tests.support.fakes import ARMS, Client, LengthDecider, client_of, make_service

GROUPS = (DECISION_REQUESTS, BATCH_REQUESTS, OUTCOME_REPORTS, REWRITE_BODIES, PORTKEY_CALLS)


@pytest.fixture
def client() -> Client:
    return client_of(make_service(LengthDecider()), RequestLimits(max_batch=3))


@pytest.mark.parametrize("example", DECISION_REQUESTS, ids=lambda example: example.name)
def test_decision_requests_fit_the_schema_and_are_decided(client: Client, example: BodyExample) -> None:
    document = client.get("/openapi.json").json()
    schema = {**document["components"]["schemas"]["DecisionRequest"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(example.value)
    assert client.post("/v1/decisions", example.value).status == 200


@pytest.mark.parametrize("example", BATCH_REQUESTS, ids=lambda example: example.name)
def test_batch_requests_are_decided(client: Client, example: BodyExample) -> None:
    results = client.post("/v1/decisions/batch", example.value).json()["results"]
    assert results
    assert all("decision" in item for item in results)


@pytest.mark.parametrize("example", OUTCOME_REPORTS, ids=lambda example: example.name)
def test_outcome_reports_are_read(example: BodyExample) -> None:
    (row,) = read_outcomes(dict(example.value), 1, lambda: 50.0)
    assert row.decision_id == example.value["decision_id"]


@pytest.mark.parametrize("example", REWRITE_BODIES, ids=lambda example: example.name)
def test_bodies_are_rewritten_and_shown_in_the_document(client: Client, example: BodyExample) -> None:
    assert client.post("/v1/rewrite", example.value).status == 200
    rewrite = client.get("/openapi.json").json()["paths"]["/v1/rewrite"]["post"]
    assert example.name in rewrite["requestBody"]["content"]["application/json"]["examples"]


def test_example_answers_are_what_the_server_gives(client: Client) -> None:
    assert client.post("/v1/rewrite", REWRITE_BODIES[0].value).json() == REWRITTEN_BODY
    assert client.post("/v1/rewrite?form=patch", REWRITE_BODIES[0].value).json() == REWRITE_PATCH
    assert client.post("/v1/decisions", {"promt": "a"}).json() == PROBLEM
    assert client.post("/v1/webhooks/portkey", PORTKEY_CALLS[0].value).json() == PORTKEY_ANSWER
    plano = client.post("/v1/webhooks/plano/v1/chat/completions", REWRITE_BODIES[0].value)
    assert plano.json() == REWRITTEN_BODY


def test_example_decision_and_explanation_have_the_documented_form() -> None:
    decision = DecisionAnswer.model_validate(DECISION)
    assert set(decision.estimates) == {arm.name for arm in ARMS}
    ExplanationAnswer.model_validate(EXPLANATION)


def test_examples_have_a_name_and_a_summary_of_their_own() -> None:
    for group in GROUPS:
        assert len({example.name for example in group}) == len({example.summary for example in group}) == len(group)


def test_json_files_are_package_data() -> None:
    folder = files("serving.http_api.docs")
    for name in ("examples.json", "explanation_example.json"):
        assert json.loads(folder.joinpath(name).read_text("utf-8"))
