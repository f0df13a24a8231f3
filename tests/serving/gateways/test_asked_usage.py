"""Usage is asked for where the client left it open, and only the event that answers it is taken out of the stream."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.providers.endpoints import Api
from serving.gateways.asked_usage import UsageEventRemover, with_usage_asked

USAGE = {"id": "c", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
KEPT = [
    {"id": "c", "choices": [{"index": 0, "delta": {"content": 'the "usage" of \n\n'}}]},
    {"id": "c", "choices": [], "prompt_filter_results": [{"usage": "none"}]},
    {"id": "c", "choices": [], "usage": None},
    {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}},
]


@pytest.mark.parametrize(
    ("body", "api", "asked"),
    [
        ({"stream": True, "n": 1}, "chat", {"stream": True, "n": 1, "stream_options": {"include_usage": True}}),
        ({"stream": True, "stream_options": None}, "chat", {"stream": True, "stream_options": {"include_usage": True}}),
        (
            {"stream": True, "stream_options": {"x": 1}},
            "chat",
            {"stream": True, "stream_options": {"x": 1, "include_usage": True}},
        ),
        ({"stream": True, "stream_options": {"include_usage": False}}, "chat", None),
        ({"stream": True, "stream_options": {"include_usage": True}}, "chat", None),
        ({"stream": True, "stream_options": "odd"}, "chat", None),
        ({"stream": "true"}, "chat", None),
        ({"stream": False}, "chat", None),
        ({}, "chat", None),
        ({"stream": True}, "responses", None),
        ({"stream": True}, "messages", None),
        ({"stream": True}, "gemini", None),
    ],
)
def test_only_what_the_client_left_open_is_asked(body: dict[str, Any], api: Api, asked: dict[str, Any] | None) -> None:
    assert with_usage_asked(body, api) == asked


def stream_of(events: list[dict[str, Any]], line: str) -> bytes:
    texts = [f": comment{line}data: {json.dumps(event)}{line}{line}" for event in events]
    return "".join([*texts, f"data: [DONE]{line}{line}"]).encode()


@pytest.mark.parametrize("line", ["\n", "\r\n", "\r"])
@given(place=st.integers(0, len(KEPT)), cuts=st.lists(st.integers(0, 700), max_size=8))
def test_the_rest_of_the_stream_passes_to_the_byte(line: str, place: int, cuts: list[int]) -> None:
    raw = stream_of([*KEPT[:place], USAGE, *KEPT[place:]], line)
    places = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    remover = UsageEventRemover()
    pieces = [raw[start:end] for start, end in itertools.pairwise(places)]
    passed = b"".join(remover.feed(piece, last=number == len(pieces) - 1) for number, piece in enumerate(pieces))
    # A CR LF that ends the event and is cut in two leaves its LF behind: a blank line, which means nothing.
    expected = stream_of([*KEPT[:place], *KEPT[place:]], line)
    assert passed == expected or (line == "\r\n" and passed.replace(b"\r\n\r\n\n", b"\r\n\r\n") == expected)
    assert b"completion_tokens" not in passed


def test_events_are_not_held_back() -> None:
    remover = UsageEventRemover()
    event = b"data: " + json.dumps(KEPT[0]).encode() + b"\n\n"
    assert remover.feed(event[:9], last=False) == b""
    assert remover.feed(event[9:] + event[:5], last=False) == event
    assert remover.feed(event[5:], last=False) == event


def test_a_usage_without_an_end_is_taken_out_too() -> None:
    remover = UsageEventRemover()
    assert remover.feed(b"data: " + json.dumps(USAGE).encode(), last=True) == b""
    rest = b"data: " + json.dumps(KEPT[0]).encode()
    assert UsageEventRemover().feed(rest, last=True) == rest


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_what_is_no_stream_passes_to_the_byte(pieces: list[bytes]) -> None:
    remover = UsageEventRemover()
    assert b"".join([remover.feed(piece, last=False) for piece in pieces] + [remover.feed(b"", last=True)]) == b"".join(
        pieces
    )


def test_an_event_without_end_is_not_held_for_ever() -> None:
    remover = UsageEventRemover()
    raw = b"x" * 300_000
    passed = b"".join(remover.feed(raw, last=False) for _ in range(5))
    assert passed == raw * 5
