"""A body is given back as it came, whatever part of it was read here, and without keeping more than that part."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from serving.http_api.asgi import Event
from serving.http_api.webhooks.passing_on import RecordedBody


class Line:
    """A connection that brings pieces of a body and takes an answer."""

    def __init__(self, pieces: Sequence[bytes], *, breaks: bool = False) -> None:
        self.pieces, self.sent = list(pieces), list[Event]()
        self._breaks = breaks

    async def receive(self) -> Event:
        if not self.pieces:
            return {"type": "http.disconnect"}
        piece = self.pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces) or self._breaks}

    async def send(self, event: Event) -> None:
        self.sent.append(event)

    @property
    def answer(self) -> bytes:
        return b"".join(event["body"] for event in self.sent[1:])

    def header(self, name: bytes) -> bytes | None:
        return dict(self.sent[0]["headers"]).get(name)


@pytest.mark.parametrize("read_first", [0, 1, 2, 3])
def test_the_body_comes_back_whole_however_much_was_read(read_first: int) -> None:
    async def run() -> Line:
        line = Line([b"one ", b"two ", b"three"])
        body = RecordedBody(line.receive)
        for _ in range(read_first):
            await body.receive()
        await body.pass_on(line.send, ((b"x-more", b"1"),))
        return line

    line = asyncio.run(run())
    assert line.answer == b"one two three"
    assert (line.sent[0]["status"], line.header(b"x-more")) == (200, b"1")
    assert line.header(b"content-length") == (b"13" if read_first == 3 else None)
    assert [event.get("more_body", False) for event in line.sent[1:]][-1] is False


def test_nothing_is_kept_of_what_was_passed_on() -> None:
    async def run() -> RecordedBody:
        line = Line([b"x" * 1000] * 50)
        body = RecordedBody(line.receive)
        await body.pass_on(line.send)
        assert len(line.answer) == 50_000
        return body

    assert sum(map(len, asyncio.run(run())._pieces)) <= 1000


def test_a_caller_that_goes_ends_it() -> None:
    async def run() -> Line:
        line = Line([b"one "], breaks=True)
        await RecordedBody(line.receive).pass_on(line.send)
        return line

    assert asyncio.run(run()).answer == b"one "


def test_what_is_discarded_is_read_to_its_end_and_not_kept() -> None:
    async def run() -> tuple[Line, RecordedBody]:
        line = Line([b"one ", b"two ", b"three"])
        body = RecordedBody(line.receive)
        await body.receive()
        await body.discard()
        await body.discard()
        return line, body

    line, body = asyncio.run(run())
    assert (line.pieces, body._pieces) == ([], [])
