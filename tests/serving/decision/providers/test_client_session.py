"""Client sessions: the ids of bodies and headers that real clients send, and nothing read from what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.providers.client_session import body_session, header_session, unasked_efforts
from serving.decision.providers.request_body import parse_body

UUID = "0b0c1d9e-3c3a-4a36-8a0c-6a4f1f6a5b0e"


@pytest.mark.parametrize(
    ("body", "session"),
    [
        ({"metadata": {"user_id": f"user_{'a' * 64}_account__session_{UUID}"}}, UUID),
        ({"metadata": {"user_id": json.dumps({"device_id": "d", "session_id": UUID})}}, UUID),
        ({"metadata": {"session_id": "s-1", "user_id": "u"}}, "s-1"),
        ({"metadata": {"user_id": "customer-17"}}, None),
        ({"metadata": {"user_id": "{broken"}}, None),
        ({"prompt_cache_key": UUID}, UUID),
        ({"conversation": {"id": "conv_1"}, "previous_response_id": "resp_1"}, "conv_1"),
        ({"conversation": "conv_2"}, "conv_2"),
        ({"previous_response_id": "resp_1"}, None),
        ({"session_id": "or-1"}, "or-1"),
        ({"user": "customer-17", "safety_identifier": "x"}, None),
        ({"prompt_cache_key": "  ", "session_id": 7, "metadata": ["s"], "conversation": {}}, None),
    ],
)
def test_the_session_of_a_body(body: dict[str, Any], session: str | None) -> None:
    assert body_session(body) == session
    parsed = parse_body({"messages": [{"role": "user", "content": "hi"}], **body}, "chat")
    assert parsed.request.session_id == session


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=2))
KEYS = st.sampled_from(["metadata", "prompt_cache_key", "conversation", "session_id", "previous_response_id"])


@given(st.dictionaries(KEYS, JSON | st.dictionaries(st.sampled_from(["user_id", "session_id", "id"]), JSON)))
def test_no_body_breaks_it(body: dict[str, Any]) -> None:
    found = body_session(body)
    assert found is None or 0 < len(found) <= 256


def test_the_first_header_that_says_something_counts() -> None:
    assert header_session({"session_id": "b", "x-session-id": " "}) == "b"
    assert header_session({"x-other": "b"}) is None


def test_efforts_that_a_program_sends_unasked() -> None:
    assert unasked_efforts("Codex_CLI_rs/1") == ("medium",)
    assert "high" in unasked_efforts("claude-cli/2.0.1 (external, cli)")
    assert unasked_efforts("my-claude-cli/1") == ()
