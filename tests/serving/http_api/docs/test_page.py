"""The documentation page: self-contained, escaped, and runnable under its own content security policy."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest

from serving.http_api.docs.page import render
from serving.schemas.problems import KINDS
from tests.support.fakes import LengthDecider, client_of, make_service


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = client_of(make_service(LengthDecider())).get("/openapi.json").json()
    return found


def test_page_needs_no_network(document: dict[str, Any]) -> None:
    page = render(document).html
    assert "http://" not in page
    assert "https://" not in page


def test_page_shows_routes_examples_models_and_problems(document: dict[str, Any]) -> None:
    page = render(document).html
    for text in (*document["paths"], *document["components"]["schemas"], *(kind.uri for kind in KINDS)):
        assert text in page
    assert "What is 17 * 23?" in page


def test_policy_allows_exactly_the_style_and_script_of_the_page(document: dict[str, Any]) -> None:
    page = render(document)
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page.html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none'")


def test_texts_are_escaped_and_backticks_become_code() -> None:
    operation = {"summary": "<b>`x`", "responses": {"200": {"description": "ok"}}}
    document = {"info": {"title": "<i>", "version": "1"}, "paths": {"/a": {"get": operation}}}
    page = render(document).html
    assert "&lt;b&gt;<code>x</code>" in page
    assert "<title>&lt;i&gt; API</title>" in page
    assert "<i>" not in page


def test_every_link_has_a_target(document: dict[str, Any]) -> None:
    page = render(document).html
    targets = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= targets


def test_kinds_of_schemas_are_said_in_words() -> None:
    fields = {
        "a": {"type": "array", "items": {"$ref": "#/components/schemas/M"}},
        "b": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "c": {"enum": ["x", "y"]},
    }
    document = {
        "info": {"title": "t", "version": "1"},
        "paths": {},
        "components": {"schemas": {"M": {"properties": fields, "required": ["a"]}}},
    }
    page = render(document).html
    assert '<code>a</code> *</td><td>list of <a href="#model-M">M</a>' in page
    assert "string or null" in page
    assert "<code>x</code>, <code>y</code>" in page
