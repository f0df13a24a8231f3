"""What is stored of a prompt: nothing, a hash, masked text or all of it; long texts are cut between words."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from serving.decision.types import Message
from serving.journal.redaction.stored_prompt import MOST_STORED_CHARS, cut, stored_messages, stored_prompt_id


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


@given(st.text(alphabet="ab \n", max_size=200), st.integers(4, 100))
def test_a_cut_text_keeps_its_ends(text: str, most: int) -> None:
    short = cut(text, most)
    if len(text) <= most:
        assert short == text
    else:
        first, _, rest = short.partition("\n[")
        assert text.startswith(first.rstrip())
        assert text.endswith(rest.partition(" stored]\n")[2])


def test_no_secret_is_cut_through() -> None:
    key = "sk-" + "a1B2" * 20
    text = "x " * (MOST_STORED_CHARS // 4 - 10) + key + " y" * MOST_STORED_CHARS
    stored = stored_messages((Message("user", text),), "redacted") or ""
    assert "sk-" not in stored
    assert len(stored) < MOST_STORED_CHARS + 1000
