"""Load from another process: one caller who waits for each answer, over HTTP and gRPC, and callers who do not wait.

`python -m tests.benchmarks.serving_clients PORT RATE SECONDS PATH` takes a body from stdin, sends it at random moments
over 32 connections, and prints the latencies, each counted from the moment at which the call was due: a server that
stalls can't hide it.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc
import numpy as np
import orjson
import uvloop
from numpy.typing import NDArray

CONNECTIONS = 32


def message(path: str, content: bytes) -> bytes:
    """Give a whole HTTP request."""
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


class HttpCaller:
    """One connection, kept open; waits for each answer."""

    def __init__(self, port: int, request: bytes) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port))
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request

    def time(self, count: int) -> list[float]:
        """Give the milliseconds of `count` calls."""
        taken = []
        for _ in range(count):
            start = time.perf_counter()
            self._connection.sendall(self._request)
            answer = _receive(self._connection)
            taken.append((time.perf_counter() - start) * 1000)
            assert answer.startswith(b"HTTP/1.1 200"), answer[:500]
        return taken


class GrpcCaller:
    """One channel; waits for each answer."""

    def __init__(self, port: int, path: str, request: bytes) -> None:
        self._call = grpc.insecure_channel(f"127.0.0.1:{port}").unary_unary(path)
        self._request = request

    def time(self, count: int) -> list[float]:
        """Give the milliseconds of `count` calls."""
        taken = []
        for _ in range(count):
            start = time.perf_counter()
            self._call(self._request)
            taken.append((time.perf_counter() - start) * 1000)
        return taken


def saturate(port: int, path: str, content: bytes, seconds: int) -> float:
    """Give the answers per second that 32 callers get, as `wrk` counts; as our own client counts without it."""
    if shutil.which("wrk") is None:
        return len(paced(port, path, content, 1e9, seconds)) / seconds
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(
            f'wrk.method = "POST"\nwrk.body = {orjson.dumps(content.decode()).decode()}\n'
            'wrk.headers["content-type"] = "application/json"\n'
        )
        command = [
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{seconds}s",
            "-s",
            str(script),
            f"http://127.0.0.1:{port}{path}",
        ]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in shown, shown
    found = re.search(r"Requests/sec:\s+([\d.]+)", shown)
    assert found, shown
    return float(found[1])


def paced(port: int, path: str, content: bytes, rate: float, seconds: int) -> NDArray[np.float64]:
    """Run the pacing client in a process of its own, and give its milliseconds."""
    command = [sys.executable, "-m", "tests.benchmarks.serving_clients", str(port), str(rate), str(seconds), path]
    shown = subprocess.run(command, input=content, capture_output=True, check=True).stdout
    return np.asarray(orjson.loads(shown), np.float64)


@dataclass(slots=True)
class _Line:
    """A connection that takes one request at a time."""

    protocol: _Protocol
    started: float = 0.0


class _Protocol(asyncio.Protocol):
    def __init__(self, crew: _Crew) -> None:
        self._crew, self._got = crew, b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._crew.free.append(_Line(self))

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        start = self._got.index(b"content-length: ") + 16
        length = int(self._got[start : self._got.index(b"\r\n", start)])
        if len(self._got) >= end + 4 + length:
            assert self._got.startswith(b"HTTP/1.1 200"), self._got
            self._got = b""
            self._crew.answered(self)


class _Crew:
    """Connections, and the calls that wait for one."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.free: deque[_Line] = deque()
        self._busy: dict[_Protocol, _Line] = {}
        self._waiting: deque[float] = deque()
        self.taken: list[float] = []

    def call(self, due: float) -> None:
        self._waiting.append(due)
        self._send()

    def answered(self, protocol: _Protocol) -> None:
        line = self._busy.pop(protocol)
        self.taken.append((time.perf_counter() - line.started) * 1000)
        self.free.append(line)
        self._send()

    @property
    def idle(self) -> bool:
        return not self._waiting and bool(self.free)

    def _send(self) -> None:
        while self.free and self._waiting:
            line = self.free.popleft()
            line.started = self._waiting.popleft()
            self._busy[line.protocol] = line
            assert line.protocol.transport
            line.protocol.transport.write(self._request)


async def _pace(port: int, rate: float, seconds: float, request: bytes) -> list[float]:
    crew = _Crew(request)
    loop = asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: _Protocol(crew), "127.0.0.1", port)
    rng = np.random.default_rng(7)
    start = time.perf_counter()
    if rate > 1e6:
        while time.perf_counter() - start < seconds:
            if crew.idle:
                crew.call(time.perf_counter())
            else:
                await asyncio.sleep(0)
        return crew.taken
    # Calls come as they do from many clients who know nothing of each other.
    for due in start + np.cumsum(rng.exponential(1.0 / rate, int(rate * seconds))):
        while (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait if wait > 0.002 else 0)
        crew.call(float(due))
    await asyncio.sleep(0.5)
    return crew.taken


def _receive(connection: socket.socket) -> bytes:
    answer = connection.recv(65536)
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    end = answer.index(b"\r\n\r\n") + 4
    if b"transfer-encoding: chunked" in answer[:end]:
        while not answer.endswith(b"\r\n0\r\n\r\n"):
            answer += connection.recv(65536)
        return answer
    start = answer.lower().index(b"content-length: ") + 16
    length = int(answer[start : answer.index(b"\r\n", start)])
    while len(answer) < end + length:
        answer += connection.recv(65536)
    return answer


def main() -> None:
    """Send on a schedule, and print the milliseconds as JSON."""
    port, rate, seconds, path = sys.argv[1:5]
    request = message(path, sys.stdin.buffer.read())
    sys.stdout.buffer.write(orjson.dumps(uvloop.run(_pace(int(port), float(rate), float(seconds), request))))


if __name__ == "__main__":
    main()
