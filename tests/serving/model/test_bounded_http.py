"""Bounded HTTP against a server that drips, floods, lies about lengths and points elsewhere."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException

import pytest

from serving.model.bounded_http import AnswerTooLarge, AnswerTooSlow, Bounds, RedirectRefused, read_bounded

Script = Callable[[socket.socket], None]


@pytest.fixture
def serving() -> Iterator[Callable[[Script], str]]:
    """A server that answers each connection by a script; it gives its URL."""
    sockets: list[socket.socket] = []

    def start(script: Script) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(65_536)
                        script(connection)
                    except OSError:
                        continue

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/x"

    yield start
    for listener in sockets:
        listener.close()


def send(*pieces: bytes, pause: float = 0.0, times: int = 1) -> Script:
    def script(connection: socket.socket) -> None:
        for _ in range(times):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)

    return script


def read(url: str, seconds: float = 1.0, size: int = 1000) -> bytes:
    return read_bounded(url, {"authorization": "secret"}, Bounds(seconds, size))


OK = b"HTTP/1.1 200 OK\r\n"


def test_an_answer_within_its_bounds_is_read(serving: Callable[[Script], str]) -> None:
    assert read(serving(send(OK + b"content-length: 2\r\n\r\nhi"))) == b"hi"
    assert read(serving(send(OK + b"\r\n" + b"x" * 1000))) == b"x" * 1000
    assert read(serving(send(OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"))) == b"hi"


def test_a_longer_answer_is_refused_whatever_it_says_of_its_length(serving: Callable[[Script], str]) -> None:
    for head in (b"content-length: 2000\r\n\r\n", b"\r\n"):
        with pytest.raises(AnswerTooLarge):
            read(serving(send(OK + head + b"x" * 2000)))


def test_an_answer_that_ends_early_is_no_answer(serving: Callable[[Script], str]) -> None:
    with pytest.raises((OSError, HTTPException), match=r"ends after 2 of 9|IncompleteRead"):
        read(serving(send(OK + b"content-length: 9\r\n\r\nhi")))


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b"H"),
        (OK, b"a"),
        (OK, b"a: b\r\n"),
        (OK + b"content-length: 900\r\n\r\n", b"x"),
        (OK + b"\r\n", b"x"),
        (OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (OK + b"transfer-encoding: chunked\r\n\r\n", b"0"),
    ],
)
def test_a_dripping_answer_ends_at_its_deadline(first: bytes, drip: bytes, serving: Callable[[Script], str]) -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(first)
        send(drip, pause=0.05, times=400)(connection)

    before = time.monotonic()
    with pytest.raises(AnswerTooSlow, match=r"0\.4 s"):
        read(serving(script), seconds=0.4, size=10**9)
    assert time.monotonic() - before < 5.0


def test_a_silent_server_ends_at_its_deadline(serving: Callable[[Script], str]) -> None:
    with pytest.raises(OSError, match=r"."):
        read(serving(send(pause=3.0)), seconds=0.3)


def test_no_redirect_leaves_the_server(serving: Callable[[Script], str]) -> None:
    seen: list[bytes] = []

    def elsewhere(connection: socket.socket) -> None:
        seen.append(b"asked")

    other = serving(elsewhere)
    for status in (b"301", b"302", b"303", b"307", b"308"):
        redirect = b"HTTP/1.1 " + status + b" Moved\r\nlocation: " + other.encode() + b"\r\ncontent-length: 0\r\n\r\n"
        with pytest.raises(RedirectRefused, match="another server"):
            read(serving(send(redirect)))
    for scheme in (b"file:///etc/hostname", b"ftp://127.0.0.1/x", b"gopher://x"):
        with pytest.raises(OSError, match=r"."):
            read(serving(send(b"HTTP/1.1 302 Moved\r\nlocation: " + scheme + b"\r\ncontent-length: 0\r\n\r\n")))
    assert not seen


def test_a_redirect_within_the_server_is_followed(serving: Callable[[Script], str]) -> None:
    answers = iter(
        [b"HTTP/1.1 302 Moved\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n", OK + b"content-length: 1\r\n\r\ny"]
    )
    assert read(serving(lambda connection: connection.sendall(next(answers)))) == b"y"
