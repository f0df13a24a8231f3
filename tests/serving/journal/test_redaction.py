"""Prompt privacy: what is masked, and what stays readable."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.types import Message
from serving.journal import redaction as privacy
from serving.journal.redaction import redact, stored_messages, stored_prompt_id

SECRETS = [
    "anna.müller+x@firma.co.uk",
    "sk-proj-abcDEF1234567890abcd",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "4111-1111-1111-1111",
    "5500 0000 0000 0004",
    "+1 (415) 555-2671",
    "415-555-2671",
    "password = hunter2hunter2",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("frame", ["{}", "say {} please", "({})", '"{}"'])
def test_secrets_are_masked(secret: str, frame: str) -> None:
    masked = redact(frame.format(secret))
    assert secret not in masked
    assert "[" in masked


@pytest.mark.parametrize(
    "text",
    ["What is 123456789 * 987654321?", "Add 1234567890123 and 2", "see section 3.1.2", "pi is 3.14159265358979323846"],
)
def test_mathematics_stays_readable(text: str) -> None:
    assert redact(text) == text


def test_privacy_levels() -> None:
    messages = (Message("user", "write to jo@example.org"),)
    assert stored_prompt_id(messages, "none") == ""
    assert stored_prompt_id(messages, "hash") == stored_prompt_id(
        (Message("user", " write  to jo@example.org\n"),), "full"
    )
    assert stored_messages(messages, "none") is None
    assert stored_messages(messages, "hash") is None
    assert json.loads(stored_messages(messages, "redacted") or "") == [{"role": "user", "content": "write to [email]"}]
    assert "jo@example.org" in (stored_messages(messages, "full") or "")


@given(st.text())
def test_any_text_can_be_stored(text: str) -> None:
    messages = (Message("user", text),)
    assert json.loads(stored_messages(messages, "redacted") or "")[0]["role"] == "user"
    assert len(stored_prompt_id(messages, "hash")) == 32


def _slowly(text: str) -> str:
    """Redact without looking first."""
    text = privacy._KEY.sub("[key]", text)
    text = privacy._EMAIL.sub("[email]", text)
    text = privacy._CARD.sub(lambda found: "[card]" if privacy._is_card(found.group()) else found.group(), text)
    return privacy._PHONE.sub("[phone]", text)


PIECES = [
    *SECRETS,
    "sk-",
    "AKIA",
    "eyJ",
    "(030)",
    "49",
    "1234567",
    "+",
    " ",
    "-",
    "@",
    ".",
    "a.b",
    "token: ",
    "\u0661\u0662\u0663\u0664",
    "x",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=12).map("".join))
def test_looking_first_changes_nothing(text: str) -> None:
    assert redact(text) == _slowly(text)
