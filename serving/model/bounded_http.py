"""HTTP for a server that is not trusted: bounded time, bounded size, no redirect to another server."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

_CHUNK: Final = 2**18
_STEP_SECONDS: Final = 10.0
"""Longest wait for the next piece of an answer."""


class AnswerTooLarge(OSError):
    """The answer is longer than was allowed."""


class AnswerTooSlow(OSError):
    """The answer was not complete within its time."""


class RedirectRefused(OSError):
    """The server points to another one: credentials would go there."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long and how large an answer may be.

    Parameters
    ----------
    seconds
        From the request to the last byte, however slowly they come.
    size
        Bytes of the body.
    """

    seconds: float
    size: int


@contextlib.contextmanager
def open_bounded(url: str, headers: Mapping[str, str], bounds: Bounds) -> Iterator[Iterator[bytes]]:
    """Ask for `url`, and give the pieces of the answer's body as they come.

    Raises
    ------
    AnswerTooLarge, AnswerTooSlow, RedirectRefused
        While it is read; then the rest is not.
    urllib.error.HTTPError
        The status is not 2xx.
    OSError, http.client.HTTPException
        There is no answer.
    """
    deadline = _Deadline(bounds.seconds)
    opener = urllib.request.build_opener(_SameServer(url), _Plain(deadline), _Secure(deadline))
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - http(s) only, the caller checks
    with deadline.watch():
        try:
            with opener.open(request, timeout=min(_STEP_SECONDS, bounds.seconds)) as answer:
                yield _pieces(answer, bounds, deadline)
        except (OSError, http.client.HTTPException) as error:
            if deadline.passed and not isinstance(error, AnswerTooLarge):
                raise AnswerTooSlow(f"no complete answer within {bounds.seconds:g} s") from None
            raise


def read_bounded(url: str, headers: Mapping[str, str], bounds: Bounds) -> bytes:
    """Give the whole body of the answer; raises as `open_bounded` does."""
    with open_bounded(url, headers, bounds) as pieces:
        return b"".join(pieces)


class _Deadline:
    """Ends a connection when its time is up: a server that sends a byte at a time never meets a socket's own limit."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._ends

    def add(self, opened: socket.socket) -> None:
        self._sockets.append(opened)

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        timer = threading.Timer(self._seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self) -> None:
        for opened in self._sockets:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)


def _pieces(answer: Any, bounds: Bounds, deadline: _Deadline) -> Iterator[bytes]:
    size = 0
    while True:
        piece = answer.read1(_CHUNK)
        if deadline.passed:
            raise AnswerTooSlow(f"no complete answer within {bounds.seconds:g} s")
        if not piece:
            stated = answer.headers.get("content-length")
            if stated is not None and stated.isdecimal() and size < int(stated):
                raise OSError(f"the answer ends after {size} of {stated} bytes")
            return
        size += len(piece)
        if size > bounds.size:
            raise AnswerTooLarge(f"the answer is larger than {bounds.size} bytes")
        yield piece


class _SameServer(urllib.request.HTTPRedirectHandler):
    """Follows redirects within one server only."""

    def __init__(self, url: str) -> None:
        self._server = _server(url)

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> Any:
        if _server(newurl) != self._server:
            fp.close()
            raise RedirectRefused(f"redirected to another server, {urlsplit(newurl).hostname}: name its own address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _server(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: Any) -> Any:
        return self.do_open(_watched(http.client.HTTPConnection, self._deadline), req)


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def https_open(self, req: Any) -> Any:
        return self.do_open(_watched(http.client.HTTPSConnection, self._deadline), req)


def _watched(kind: type[http.client.HTTPConnection], deadline: _Deadline) -> Any:
    """Make connections whose sockets the deadline can end; urllib gives a connection's socket away early."""

    class Watched(kind):  # type: ignore[misc, valid-type]
        def connect(self) -> None:
            super().connect()
            deadline.add(self.sock)

    return Watched
