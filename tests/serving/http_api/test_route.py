"""Routes as values: exact paths and paths with names are both answered and described as their texts say."""

from __future__ import annotations

import orjson
import pytest
from pydantic import BaseModel

from serving.http_api.asgi import Receive, Scope, Send, answer_json
from serving.http_api.route import Method, Route, RouteText
from tests.support.fakes import Client, LengthDecider, client_of, make_service


class Note(BaseModel):
    """A model that only a raw route reads."""

    text: str


TEXT = RouteText(
    "Take a note",
    "Describes itself.",
    {200: {"description": "Taken."}},
    {"parameters": [{"name": "owner", "in": "path", "required": True, "schema": {"type": "string"}}]},
    tag="notes",
    reads=(Note,),
)


async def echo(scope: Scope, _receive: Receive, send: Send) -> None:
    await answer_json(send, orjson.dumps([scope["method"], scope.get("path_params", {})]))


def client(method: Method, path: str) -> Client:
    return client_of(make_service(LengthDecider()), routes=(Route(method, path, echo, TEXT),))


def test_exact_path_is_answered_for_its_method_only() -> None:
    http = client("PUT", "/v1/notes")
    assert http.call("PUT", "/v1/notes").json() == ["PUT", {}]
    assert http.call("POST", "/v1/notes").status == 405
    assert http.call("PUT", "/v1/notes/7").status == 404


def test_names_in_a_path_become_parameters() -> None:
    assert client("GET", "/v1/notes/{owner}").get("/v1/notes/ada").json() == ["GET", {"owner": "ada"}]


@pytest.mark.parametrize("path", ["/v1/notes", "/v1/notes/{owner}"])
def test_text_of_a_route_is_in_the_document(path: str) -> None:
    document = client("DELETE", path).get("/openapi.json").json()
    operation = document["paths"][path]["delete"]
    assert (operation["summary"], operation["description"], operation["tags"]) == (
        "Take a note",
        "Describes itself.",
        ["notes"],
    )
    assert operation["parameters"][0]["name"] == "owner"
    assert document["components"]["schemas"]["Note"]["required"] == ["text"]
