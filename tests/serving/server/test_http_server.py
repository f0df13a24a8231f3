"""A worker's event loop: uvloop and httptools, companion servers, draining, load counting, the lost parent."""

from __future__ import annotations

import subprocess
import sys

from tests.support.servers import ROOT

PROGRAM = """
import asyncio, os, signal, socket, sys
from serving.server.http_server import Readiness, ServerOptions, serve_worker

readiness = Readiness()

class Companion:
    async def start(self):
        print("companion starts, ready:", readiness())

    async def stop(self, seconds):
        print("companion stops within", seconds, "ready:", readiness())

async def app(scope, receive, send):
    loop = type(asyncio.get_running_loop()).__module__
    parser = type(receive.__self__).__module__
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{loop} {parser}".encode()})

def on_ready():
    print("ready:", readiness())
    asyncio.get_running_loop().create_task(ask())

async def ask():
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(b"GET / HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n")
    print((await reader.read()).split(b"\\r\\n")[-4:])
    writer.close()
    os.kill(os.getpid(), signal.SIGTERM)

listener = socket.create_server(("127.0.0.1", 0))
serve_worker(app, [listener], ServerOptions(2.5), readiness, on_ready, companions=[Companion()])
"""


def test_runs_on_uvloop_and_httptools_with_its_companions() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    started, ready, answer, stopped = ended.stdout.splitlines()
    assert started == "companion starts, ready: False"
    assert ready == "ready: True"
    assert "uvloop uvicorn.protocols.http.httptools_impl" in answer
    assert stopped == "companion stops within 2.5 ready: False"
