"""Usage is found in every provider's reply, however it is cut into pieces, and nothing in a reply breaks the reader."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.pricing.usage import Usage
from serving.decision.providers.endpoints import Api
from serving.decision.providers.reply_usage import MAX_BYTES, ReplyReader, ReplySummary

CHAT = {"prompt_tokens": 50, "completion_tokens": 900, "completion_tokens_details": {"reasoning_tokens": 700}}
CHAT_USAGE = Usage(50, 900, reasoning_tokens=700)
GEMINI = {"promptTokenCount": 40, "candidatesTokenCount": 60, "thoughtsTokenCount": 500}


def events(*items: Any, line: str = "\n") -> bytes:
    return "".join(f"event: x{line}data: {json.dumps(item)}{line}{line}" for item in items).encode()


SSE = "text/event-stream; charset=utf-8"
JSON = "application/json"
REPLIES: list[tuple[Api, str, bytes, ReplySummary]] = [
    ("chat", JSON, json.dumps({"model": "m", "usage": CHAT}).encode(), ReplySummary(CHAT_USAGE, "m")),
    (
        "chat",
        SSE,
        events({"model": "m", "usage": None}, {"choices": []}, {"usage": CHAT}) + b"data: [DONE]\n\n",
        ReplySummary(CHAT_USAGE, "m"),
    ),
    ("chat", SSE, events({"model": "m"}, {"usage": CHAT}, line="\r\n"), ReplySummary(CHAT_USAGE, "m")),
    (
        "chat",
        SSE,
        events({"model": "m"}) + b'data: {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}',
        ReplySummary(Usage(1, 2), "m"),
    ),
    (
        "responses",
        SSE,
        events(
            {"type": "response.created", "response": {"model": "m", "usage": None}},
            {
                "type": "response.completed",
                "response": {"model": "m", "usage": {"input_tokens": 3, "output_tokens": 4}},
            },
        ),
        ReplySummary(Usage(3, 4), "m"),
    ),
    (
        "messages",
        SSE,
        events(
            {"type": "message_start", "message": {"model": "c", "usage": {"input_tokens": 10, "output_tokens": 1}}},
            {"type": "content_block_delta", "delta": {"text": "usage"}},
            {"type": "message_delta", "usage": {"input_tokens": None, "output_tokens": 77}},
        ),
        ReplySummary(Usage(10, 77), "c"),
    ),
    (
        "gemini",
        SSE,
        events({"modelVersion": "g", "usageMetadata": {"promptTokenCount": 40}}, {"usageMetadata": GEMINI}),
        ReplySummary(Usage(40, 560, reasoning_tokens=500), "g"),
    ),
    (
        "gemini",
        JSON,
        json.dumps([{"modelVersion": "g"}, {"usageMetadata": GEMINI}]).encode(),
        ReplySummary(Usage(40, 560, reasoning_tokens=500), "g"),
    ),
    ("chat", JSON, b'{"model": "m", "usage": {"prompt_tokens": -1}}', ReplySummary(None, "m", "malformed")),
    ("chat", JSON, b'{"model": "m"}', ReplySummary(None, "m", "missing")),
    ("chat", SSE, events({"model": "m"}, {"usage": CHAT}, line="\r"), ReplySummary(CHAT_USAGE, "m")),
    (
        "chat",
        SSE,
        b'data: {"model": "m",\ndata: "choices": [\ndata: {}\ndata: ],\ndata:\ndata:"usage":\r\ndata: '
        + json.dumps(CHAT).encode()
        + b"}\n\n",
        ReplySummary(CHAT_USAGE, "m"),
    ),
    (
        "chat",
        SSE,
        b'data: {"model": "m",\r\rdata: {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}\r',
        ReplySummary(Usage(1, 2), None),
    ),
    (
        "chat",
        SSE,
        b'data: {"model":\r\ndata: "m"}\r\n\ndata: {"usage": {"prompt_tokens": 1,\r\ndata:"completion_tokens": 2}}\r\n'
        b"\n",
        ReplySummary(Usage(1, 2), "m"),
    ),
    ("chat", SSE, events({"model": "m"}, {"choices": []}) + b"data: [DONE]\n\n", ReplySummary(None, "m", "missing")),
    ("chat", JSON, b"<html>", ReplySummary(None, None, "missing")),
    ("chat", JSON, b"", ReplySummary(None, None, "missing")),
]


def read(api: Api, kind: str, pieces: list[bytes], encoding: str = "") -> ReplySummary:
    reader = ReplyReader(api, kind, encoding)
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


@pytest.mark.parametrize(("api", "kind", "body", "expected"), REPLIES)
def test_usage_is_found(api: Api, kind: str, body: bytes, expected: ReplySummary) -> None:
    assert read(api, kind, [body]) == expected
    assert read(api, kind, [body[place : place + 1] for place in range(len(body))]) == expected
    assert read(api, kind, [gzip.compress(body)], "gzip") == expected
    assert read(api, kind, [zlib.compress(body)], "Deflate") == expected


@given(st.sampled_from(REPLIES), st.lists(st.integers(0, 500), max_size=6))
def test_pieces_do_not_matter(case: tuple[Api, str, bytes, ReplySummary], cuts: list[int]) -> None:
    api, kind, body, expected = case
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(places)]
    assert read(api, kind, pieces) == expected


def test_what_is_too_long_is_let_go() -> None:
    usage = b'data: {"model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 2}}\n\n'
    long = b"data: " + b"x" * (MAX_BYTES + 1) + b"\n"
    assert read("chat", SSE, [long, usage]) == ReplySummary(Usage(1, 2), "m")
    assert read("chat", JSON, [b" " * (MAX_BYTES + 1), json.dumps({"usage": CHAT}).encode()]) == ReplySummary(
        None, None, "unreadable"
    )
    bomb = gzip.compress(b" " * 20 * MAX_BYTES)
    assert read("chat", JSON, [bomb], "gzip") == ReplySummary(None, None, "unreadable")
    assert read("chat", JSON, [b"anything"], "br") == ReplySummary(None, None, "unreadable")


@given(
    st.sampled_from(["chat", "responses", "messages", "gemini", "openrouter"]),
    st.sampled_from([SSE, JSON, ""]),
    st.sampled_from(["", "gzip", "br"]),
    st.lists(
        st.binary(max_size=30)
        | st.recursive(
            st.none() | st.integers() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["usage", "message", "response", "usageMetadata", "model", "prompt_tokens"]), inner
                )
            ),
            max_leaves=6,
        ).map(lambda value: b"data: " + json.dumps(value).encode() + b"\n"),
        max_size=5,
    ),
)
def test_nothing_breaks_the_reader(api: Api, kind: str, encoding: str, pieces: list[bytes]) -> None:
    assert isinstance(read(api, kind, pieces, encoding), ReplySummary)


def test_bedrock_counts_cached_tokens_beside_the_others() -> None:
    reader = ReplyReader("converse", "application/json")
    usage = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 115, "cacheReadInputTokens": 100}
    reader.feed(json.dumps({"output": {}, "usage": usage}).encode())
    found = reader.finish().usage
    assert found is not None
    assert (found.input_tokens, found.cached_input_tokens, found.output_tokens) == (110, 100, 5)


def test_cohere_counts_in_its_reply_and_at_the_end_of_its_stream() -> None:
    usage = {"usage": {"billed_units": {"input_tokens": 1}, "tokens": {"input_tokens": 12, "output_tokens": 7}}}
    whole, stream = ReplyReader("cohere", "application/json"), ReplyReader("cohere", "text/event-stream")
    whole.feed(json.dumps(usage).encode())
    stream.feed(b"data: " + json.dumps({"type": "message-end", "delta": usage}).encode() + b"\n\n")
    for reader in (whole, stream):
        found = reader.finish().usage
        assert found is not None
        assert (found.input_tokens, found.output_tokens) == (12, 7)


@pytest.mark.parametrize(
    ("api", "kind", "body", "reply_id"),
    [
        ("responses", JSON, json.dumps({"id": "resp_1", "object": "response", "model": "m"}).encode(), "resp_1"),
        ("responses", SSE, events({"type": "response.created", "response": {"id": "resp_2", "model": "m"}}), "resp_2"),
        ("responses", JSON, json.dumps({"id": 7, "model": "m"}).encode(), None),
        ("responses", JSON, json.dumps({"id": "item_1", "object": "response.item", "model": "m"}).encode(), None),
        ("responses", JSON, json.dumps({"id": "r" * 300, "model": "m"}).encode(), None),
        ("chat", JSON, json.dumps({"id": "chatcmpl-1", "model": "m"}).encode(), None),
    ],
)
def test_only_replies_that_a_call_can_go_on_from_are_named(
    api: Api, kind: str, body: bytes, reply_id: str | None
) -> None:
    reader = ReplyReader(api, kind)
    reader.feed(body)
    assert reader.finish().reply_id == reply_id
