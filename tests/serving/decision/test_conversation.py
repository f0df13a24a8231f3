"""What a client may send, what it becomes, and what it is told otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.conversation import (
    MAX_MESSAGES,
    clean,
    from_prompt,
    last_user_turn,
    parse_messages,
    split_last_turn,
)
from serving.decision.errors import BadRequest
from serving.decision.types import Message, Request

ANY_TEXT = st.text(st.characters(), max_size=30)  # lone surrogates included
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "refusal", "input_audio", "new_kind"]) | JSON},
    optional={"text": ANY_TEXT | JSON, "refusal": ANY_TEXT | JSON},
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "function", "developer"]) | JSON},
    optional={"content": ANY_TEXT | st.lists(PART | JSON, max_size=3) | JSON, "tool_calls": JSON, "name": JSON},
)


def test_roles_parts_and_tool_calls_are_read() -> None:
    messages = parse_messages(
        [
            {"role": "developer", "content": "Be exact."},
            {"role": "user", "content": [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}, {"id": "2"}]},
            {"role": "function", "content": "42"},
            {"role": "user", "content": [{"type": "input_text", "text": "And"}, {"type": "text", "text": "now?"}]},
        ]
    )
    assert messages == (
        Message("developer", "Be exact."),
        Message("user", "Look:", images=1),
        Message("assistant", "", tool_calls=2),
        Message("tool", "42"),
        Message("user", "And\nnow?"),
    )


def test_a_legacy_function_call_counts_as_one_tool_call() -> None:
    (message,) = parse_messages([{"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}])
    assert message.tool_calls == 1


def test_an_attachment_alone_is_a_request() -> None:
    (message,) = parse_messages([{"role": "user", "content": [{"type": "input_audio"}]}])
    assert message == Message("user", "", images=1)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ("hello", "list of objects"),
        (None, "not null"),
        ([], "empty"),
        (["hello"], "messages[0]"),
        ([{"content": "hello"}], "messages[0].role"),
        ([{"role": "robot", "content": "hello"}], "system, developer, user, assistant, tool"),
        ([{"role": ["user"], "content": "hello"}], "messages[0].role"),
        ([{"role": "user", "content": 7}], "messages[0].content"),
        ([{"role": "user", "content": [7]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"text": "hello"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
        ([{"role": "user", "content": "hello", "tool_calls": {"id": "1"}}], "messages[0].tool_calls"),
        ([{"role": "user", "content": None}], "empty"),
        ([{"role": "system", "content": ""}, {"role": "user", "content": " \n"}], "empty"),
        ([{"role": "user", "content": "x"}] * (MAX_MESSAGES + 1), str(MAX_MESSAGES)),
    ],
)
def test_bad_messages_are_named(raw: object, named: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_messages(raw)
    assert named in str(caught.value)


@pytest.mark.parametrize("raw", [["secret"], [{"role": "secret"}], [{"role": "user", "content": {"secret": 1}}]])
def test_errors_do_not_repeat_what_was_sent(raw: object) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_messages(raw)
    assert "secret" not in str(caught.value)


@given(st.lists(MESSAGE, max_size=4) | JSON)
def test_anything_is_read_or_refused(raw: Any) -> None:
    try:
        messages = parse_messages(raw)
    except BadRequest:
        return
    assert len(messages) == len(raw)
    for message in messages:
        message.text.encode()  # no lone surrogate is left


@given(ANY_TEXT | JSON)
def test_any_prompt_is_read_or_refused(prompt: Any) -> None:
    try:
        (message,) = from_prompt(prompt)
    except BadRequest:
        assert not isinstance(prompt, str) or not prompt.strip()
        return
    assert message.text == clean(prompt)


@given(ANY_TEXT)
def test_cleaning_changes_lone_surrogates_only(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert clean(cleaned) == cleaned
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert cleaned == text


def test_a_surrogate_pair_becomes_its_character() -> None:
    assert clean("\ud83d\ude00!") == "\U0001f600!"


def test_split_takes_the_last_user_turn_out_of_the_middle() -> None:
    turns = split_last_turn(
        Request(
            (
                Message("system", "S"),
                Message("user", "first"),
                Message("assistant", "A"),
                Message("user", "second"),
                Message("assistant", "", tool_calls=1),
                Message("tool", "T"),
            )
        )
    )
    assert turns.last == "second"
    assert turns.rest == "S\nfirst\nA\nT"


def test_split_without_a_user_takes_the_last_message() -> None:
    messages = (Message("system", "S"), Message("assistant", "A"))
    assert split_last_turn(Request(messages)).last == "A"
    assert last_user_turn(messages) == 1
    assert last_user_turn(()) == -1
    assert split_last_turn(Request(())).last == ""
