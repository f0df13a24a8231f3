"""Model calls that an SDK sends to the plain server: 404 with the cure, with any key or none, locked or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.auth.authorizer import Authorizer
from serving.auth.key_file import KeyFile
from serving.http_api.app import build_api
from serving.http_api.auth_middleware import PATH_SCOPES, require_key
from serving.http_api.model_calls import is_model_call
from serving.schemas.limits import RequestLimits
from tests.support.api_keys import KeySet
from tests.support.fakes import JSON, Client, LengthDecider, make_service

CALLS = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/chat/completions"),
    ("POST", "/v1/responses"),
    ("GET", "/v1/responses/resp_1"),
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/count_tokens"),
    ("POST", "/v1beta/models/gemini-2.5-flash:generateContent"),
    ("POST", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/completions"),
    ("POST", "/v1/images/generations"),
    ("POST", "/v1/audio/transcriptions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/gpt-5.1"),
    ("DELETE", "/v1/files/file-1"),
    ("POST", "/openai/deployments/chat-prod/chat/completions?api-version=2024-10-21"),
    ("POST", "/api/v1/chat/completions"),
    ("POST", "/model/us.anthropic.claude-sonnet-4-5-v1:0/converse"),
    ("POST", "/api/chat"),
]


def _client(authorizer: Authorizer) -> Client:
    return Client(
        require_key(build_api(make_service(LengthDecider()), RequestLimits(), lambda: True, "0.1.0"), authorizer)
    )


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_an_sdk_is_told_what_to_do(tmp_path: Path, method: str, path: str, locked: bool) -> None:
    authorizer = Authorizer(KeyFile(KeySet(tmp_path).path)) if locked else Authorizer()
    client = _client(authorizer)
    answer = client.call(method, path, [b'{"model": "gpt-5.1"}'], (*JSON, ("authorization", "Bearer sk-proj-secret")))
    assert (answer.status, answer.json()["type"]) == (404, "urn:thinkgate:problem:not-found")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for cure in ("thinkgate gateway", "/v1/rewrite", path.partition("?")[0]):
        assert cure in answer.json()["detail"]
    assert "secret" not in answer.body.decode()
    assert not authorizer.refused


def test_own_routes_are_no_model_calls() -> None:
    own = [*PATH_SCOPES, "/v1/decisions/01J", "/v1/decisions/models", "/v1/later", "/nothing"]
    assert [path for path in own if is_model_call(path)] == []
