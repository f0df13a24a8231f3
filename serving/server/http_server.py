"""Runs one worker's event loop: uvicorn on uvloop and httptools, drained on SIGTERM, ended with its parent."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.http_api import App, Receive, Scope, Send
from serving.service import QueueLoad


class CompanionServer(Protocol):
    """A second server in the same process, on the same event loop."""

    async def start(self) -> None:
        """Accept connections."""
        ...

    async def stop(self, seconds: float) -> None:
        """Accept nothing new, let open calls finish within `seconds`, then end."""
        ...


class Readiness:
    """Whether this process should get requests: from its first accept until it is told to end."""

    def __init__(self) -> None:
        self._ready = False

    def __call__(self) -> bool:
        """Tell whether it should."""
        return self._ready

    def begin(self) -> None:
        """Answer yes from now on."""
        self._ready = True

    def end(self) -> None:
        """Answer no from now on."""
        self._ready = False


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a worker treats its connections.

    Parameters
    ----------
    drain_seconds
        How long open requests may finish after SIGTERM.
    keep_alive_seconds
        How long an idle connection stays open.
    lifeline
        File descriptor that reads end-of-file when the parent is gone; None where there is no parent.
    tls
        For HTTPS; None for plain HTTP.
    """

    drain_seconds: float = 10.0
    keep_alive_seconds: int = 75
    lifeline: int | None = None
    tls: ssl.SSLContext | None = None


def _do_nothing() -> None:
    return


def serve_worker(
    app: App,
    sockets: Sequence[socket.socket],
    options: ServerOptions,
    readiness: Readiness,
    on_ready: Callable[[], None],
    each_second: Callable[[], None] = _do_nothing,
    companions: Sequence[CompanionServer] = (),
    load: QueueLoad | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish open requests and return.

    Parameters
    ----------
    app
        ASGI application that answers.
    sockets
        Bound sockets to listen on.
    readiness
        Turned on before `on_ready` is called, and off as soon as the process is told to end.
    on_ready
        Called once, when connections are accepted.
    each_second
        Called about once a second on the event loop; must not block, must not raise.
    companions
        Started before the HTTP server, and drained together with it.
    load
        Counts requests that wait for their turn.
    """
    tls = options.tls

    async def notify() -> None:
        each_second()

    load = load or QueueLoad()
    config = uvicorn.Config(
        _count_begun(app, load),
        loop="uvloop",
        http=_count_arrived(load),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=options.keep_alive_seconds,
        timeout_graceful_shutdown=max(1, round(options.drain_seconds)),
        backlog=2048,
        callback_notify=notify,
        timeout_notify=0,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
    server = _Server(config, options, readiness, on_ready, companions)
    # uvicorn raises the signal again when it is done: that must not kill a server that drained in good order.
    previous = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=list(sockets))
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _count_begun(app: App, load: QueueLoad) -> App:
    def begin(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        load.begun += 1
        return app(scope, receive, send)  # no coroutine of its own: every request passes here

    return begin


def _count_arrived(load: QueueLoad) -> type[HttpToolsProtocol]:
    class Counting(HttpToolsProtocol):
        def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
            load.arrived += 1
            super()._start_asgi_task(cycle, app)

    return Counting


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        options: ServerOptions,
        readiness: Readiness,
        on_ready: Callable[[], None],
        companions: Sequence[CompanionServer],
    ) -> None:
        super().__init__(config)
        self._options = options
        self._readiness = readiness
        self._on_ready = on_ready
        self._companions = companions

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        for companion in self._companions:
            await companion.start()
        await super().startup(sockets)
        if self._options.lifeline is not None:
            asyncio.get_running_loop().add_reader(self._options.lifeline, self._end_without_parent)
        self._readiness.begin()
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        drained = (companion.stop(self._options.drain_seconds) for companion in self._companions)
        await asyncio.gather(super().shutdown(sockets), *drained)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._readiness.end()
        super().handle_exit(sig, frame)

    def _end_without_parent(self) -> None:
        if self._options.lifeline is not None:
            asyncio.get_running_loop().remove_reader(self._options.lifeline)
        self._readiness.end()
        self.should_exit = True


def _ignore(_number: int, _frame: FrameType | None) -> None:
    return
