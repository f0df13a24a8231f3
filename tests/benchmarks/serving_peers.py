"""What the server is measured against: echoes on the same stack, each a process of its own.

`python -m tests.benchmarks.serving_peers KIND` prints its port and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import orjson
import uvloop

from serving.gateways.envoy_processor import EXTERNAL_PROCESSOR
from serving.http_api.asgi import Receive, Scope, Send, answer_json, read_json_body
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.schemas.limits import BodyLimits
from serving.server.http_server import Readiness, ServerOptions, serve_worker
from serving.server.sockets import open_tcp

ROOT = Path(__file__).parents[2]
REPLY = orjson.dumps({"model": "gpt-5.1", "choices": [], "usage": {"prompt_tokens": 50, "completion_tokens": 90}})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body, read and sent as the decision routes do it."""
    await answer_json(send, bytes(await read_json_body(scope, receive, BodyLimits())))


async def upstream(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as a model would that needs no time."""
    await read_json_body(scope, receive, BodyLimits())
    await answer_json(send, REPLY)


async def _grpc_echo(raw: bytes, _context: Any) -> bytes:
    return raw


async def _process(
    messages: AsyncIterator[pb.ProcessingRequest], _context: Any
) -> AsyncIterator[pb.ProcessingResponse]:
    """Let everything pass, after the same messages that thinkgate asks for."""
    async for message in messages:
        kind = message.WhichOneof("request")
        answer = pb.ProcessingResponse()
        getattr(answer, kind).SetInParent()
        mode = pb.ProcessingMode
        if kind == "request_headers":
            answer.mode_override.CopyFrom(
                mode(request_header_mode=mode.SEND, request_body_mode=mode.BUFFERED, response_header_mode=mode.SEND)
            )
        elif kind == "response_headers":
            answer.mode_override.CopyFrom(mode(response_header_mode=mode.SEND, response_body_mode=mode.STREAMED))
        yield answer


async def _serve_grpc() -> None:
    server = grpc.aio.server()
    unary = grpc.unary_unary_rpc_method_handler(_grpc_echo)
    stream = grpc.stream_stream_rpc_method_handler(
        _process, pb.ProcessingRequest.FromString, pb.ProcessingResponse.SerializeToString
    )
    echoes = grpc.method_handlers_generic_handler("echo", {"Echo": unary})
    processor = grpc.method_handlers_generic_handler(EXTERNAL_PROCESSOR, {"Process": stream})
    server.add_generic_rpc_handlers((echoes, processor))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await server.stop(1.0)


@contextmanager
def servers_core() -> Iterator[None]:
    """Let what is started here run on the first processor alone; this process goes on where it was."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(everywhere)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


@contextmanager
def peer(kind: str) -> Iterator[int]:
    """Run a peer, and give its port."""
    with _process_of([sys.executable, "-m", "tests.benchmarks.serving_peers", kind]) as first:
        yield int(first)


@contextmanager
def thinkgate(*options: str) -> Iterator[tuple[int, int]]:
    """Run the real server, and give its ports of HTTP and of gRPC."""
    command = [sys.executable, "-m", "serving.main", "--http-port", "0", "--grpc-port", "0", *options]
    with _process_of(command) as announcement:
        found = re.search(r"http://[^ ]+?:(\d+) .*gRPC at [^ ]+:(\d+)", announcement)
        assert found, announcement
        yield int(found[1]), int(found[2])


@contextmanager
def _process_of(command: list[str]) -> Iterator[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with servers_core():
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process.stdout.readline()
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout:
            process.stdout.close()


def main() -> None:
    """Serve one kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("http", "grpc", "upstream"))
    kind = parser.parse_args().kind
    if kind == "grpc":
        uvloop.run(_serve_grpc())
        return
    with open_tcp("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        app = echo if kind == "http" else upstream
        serve_worker(app, [listener], ServerOptions(), Readiness(), lambda: print(port, flush=True))


if __name__ == "__main__":
    main()
