"""The real server: a subprocess on loopback that survives what clients send and ends when it is told to."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import typer.testing

from serving import main as server_main
from serving.decision.bundle.manifest import DataFingerprint
from serving.decision.errors import ThinkgateError
from serving.decision.types import Price
from serving.main import build_cli
from serving.server.sockets import open_tcp
from serving.settings import Settings, option
from tests.support import tiny_models as tiny
from tests.support.servers import ARMS, ROOT, Launch, Running
from tests.support.waiting import wait_until
from training.export.bundle_writer import BundleLineage, export_bundle

ONE = "/v1/decisions"
TWO_MIB = 2 * 2**20


@pytest.fixture
def http(server: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def test_says_where_it_is(server: Running, http: httpx.Client) -> None:
    assert server.announcement.startswith("thinkgate-server is ready at http://127.0.0.1:")
    assert http.get("/readyz").json() == {"status": "ready"}
    model = http.get("/v1/model").json()
    assert (model["bundle_id"], model["cold_start"]) == ("prior", True)


def test_decides_over_http(http: httpx.Client) -> None:
    trivia = http.post(ONE, json={"prompt": "What is the capital of France?"}).json()
    proof = http.post(
        ONE, json={"prompt": "Prove that the square root of 2 is irrational.", "value_of_success_usd": 5.0}
    ).json()
    assert (trivia["arm"], proof["arm"]) == ("direct", "reasoning")
    assert trivia["decision_id"] < proof["decision_id"]
    assert set(proof["estimates"]) == {"direct", "reasoning"}


BAD = [
    (b"", 400),
    (b"not json", 400),
    (b'{"prompt": NaN}', 400),
    (b"[" * 200_000, 400),
    (b'{"prompt": "a", "unknown": 1}', 422),
    (b'{"messages": [{"role": "user", "content": null}]}', 422),
    (json.dumps({"messages": [{"role": "user", "content": "a"}] * 10_000}).encode(), 422),
    (b'{"prompt": "' + b"a" * 10_000_000 + b'"}', 413),
    (b'{"prompt": "a\\ud800"}', 200),
    (b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}', 200),
    (b'{"prompt": "' + b"a b " * 500_000 + b'"}', 200),
]


@pytest.mark.parametrize(("body", "status"), BAD)
def test_bad_input_gets_a_clear_answer(http: httpx.Client, body: bytes, status: int) -> None:
    answer = http.post(ONE, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    assert http.get("/healthz").status_code == 200


def test_keeps_what_its_document_promises(launch: Launch, tmp_path: Path) -> None:
    """Fuzz every route from the document: no 5xx, and no answer of a status, type or form that it does not name."""
    server = launch("--journal", f"sqlite:///{tmp_path / 'journal.db'}")
    document = httpx.get(server.url + "/openapi.json").json()
    operations = sum(len(methods) for methods in document["paths"].values())
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    command = [sys.executable, "-m", "schemathesis.cli", "run", server.url + "/openapi.json"]
    options = ["--checks", checks, "--max-examples", "15", "--phases", "fuzzing", "--seed", "7", "--no-color"]
    ended = subprocess.run(command + options, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-1000:]
    assert f"Tested: {operations}" in ended.stdout
    assert server.end() == 0


def test_endless_body_is_cut_off(server: Running) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as caller:
        caller.sendall(
            b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(TWO_MIB // 65536 + 2):
            caller.sendall(chunk)
        answer = caller.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


def test_answers_many_at_once(server: Running) -> None:
    limits = httpx.Limits(max_connections=32)
    with httpx.Client(base_url=server.url, limits=limits, timeout=30) as http, ThreadPoolExecutor(16) as pool:
        bodies = [{"prompt": f"What is {number} * {number + 1}?"} for number in range(300)]
        answers = list(pool.map(lambda body: http.post(ONE, json=body), bodies))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["decision_id"] for answer in answers}) == 300


def test_sigterm_lets_open_requests_finish(launch: Launch) -> None:
    running = launch()
    host, port = running.url.removeprefix("http://").split(":")
    body = b'{"prompt": "slowly sent"}'
    with socket.create_connection((host, int(port)), timeout=20) as caller:
        caller.sendall(
            b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            + b"content-length: %d\r\n\r\n" % len(body)
            + body[:5]
        )
        time.sleep(0.3)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert running.process.poll() is None
        with pytest.raises(httpx.TransportError):
            httpx.get(running.url + "/healthz")
        caller.sendall(body[5:])
        answer = caller.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert running.process.wait(20) == 0
    assert "Traceback" not in running.log()


def test_workers_share_the_port_and_are_kept_alive(launch: Launch) -> None:
    running = launch("--workers", "2")
    assert "2 workers" in running.announcement
    children = _children(running.process.pid)
    assert len(children) == 2
    assert _post_fresh(running.url, 20) == {200}
    os.kill(children[0], signal.SIGKILL)
    wait_until(lambda: len(_children(running.process.pid)) == 2 and children[0] not in _children(running.process.pid))
    wait_until(lambda: _listeners(running.url) == 2)
    assert _post_fresh(running.url, 20) == {200}
    assert running.end() == 0
    assert "starting it again" in running.log()


def test_workers_end_with_their_parent(launch: Launch, tmp_path: Path) -> None:
    path = tmp_path / "gate.sock"
    running = launch("--workers", "2", "--uds", str(path))
    children = _children(running.process.pid)
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost") as http:
        assert http.post(ONE, json={"prompt": "Hi"}).status_code == 200
    assert path.stat().st_mode & 0o777 == 0o660
    assert running.end(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    again = launch("--uds", str(path))
    assert again.end() == 0
    assert not path.exists()


def test_policy_file_is_watched(launch: Launch, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('name = "first"\n')
    running = launch("--policy", str(policy))
    with httpx.Client(base_url=running.url) as http:
        assert http.get("/v1/model").json()["policy"].startswith("first@")
        policy.write_text("value_of_succes_usd = 1\n")
        time.sleep(1.3)
        assert http.get("/v1/model").json()["policy"].startswith("first@")
        denials = [f'[[rule]]\ndeny = ["{arm}"]\nheader = {{ x-test = "deny" }}\n' for arm in ("direct", "reasoning")]
        policy.write_text('name = "second"\n' + "".join(denials))
        wait_until(lambda: http.get("/v1/model").json()["policy"].startswith("second@"))
        assert http.post(ONE, json={"prompt": "Hi"}).json()["policy"].startswith("second@")
        denied = http.post(ONE, json={"prompt": "Hi"}, headers={"x-test": "deny"})
        assert (denied.status_code, denied.json()["title"]) == (403, "The policy leaves no arm")
    assert running.end() == 0
    assert running.log().count("value_of_succes_usd") == 1


def _run(*arguments: str) -> str:
    """Run the command line in this process and give what it complains of."""
    result = typer.testing.CliRunner().invoke(build_cli(), arguments)
    assert isinstance(result.exception, ThinkgateError), result.output
    return str(result.exception)


def test_help_names_every_option() -> None:
    result = typer.testing.CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(build_cli(), ["--help"])
    assert result.exit_code == 0
    for name, field in Settings.model_fields.items():
        assert option(name) in result.output
        assert field.description
    assert "THINKGATE_HTTP_PORT" in result.output


def test_unusable_bundles_are_refused_by_name(tmp_path: Path) -> None:
    assert "manifest.json is not there" in _run("--http-port", "0", "--bundle", str(tmp_path))
    (tmp_path / "manifest.json").write_text('{"protocol": 1}')
    assert "manifest" in _run("--http-port", "0", "--bundle", str(tmp_path))
    (tmp_path / "manifest.json").write_text('{"protocol": 99}')
    assert "upgrade" in _run("--http-port", "0", "--bundle", str(tmp_path))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest real bundle: two arms, a handful of small trees."""
    arms = tuple(replace(arm, price=Price(1.25, 10.0)) for arm in tiny.ARMS[:2])
    out = tmp_path_factory.mktemp("bundle") / "tiny"
    lineage = BundleLineage(DataFingerprint("d", 1, 1), learner={"hidden_share": {"reasoning": 0.75}})
    return export_bundle(tiny.model(2), tiny.encoder(), arms, out, lineage).path


def test_serves_a_real_bundle(launch: Launch, bundle: Path) -> None:
    running = launch("--bundle", str(bundle), "--workers", "2")
    manifest = json.loads((bundle / "manifest.json").read_text())
    with httpx.Client(base_url=running.url) as http:
        model = http.get("/v1/model").json()
        assert (model["bundle_id"], model["cold_start"]) == (manifest["bundle_id"], False)
        assert model["bundle"]["encoder"] == manifest["encoder"]
        decision = http.post(ONE, json={"prompt": "Plan the move of a list in three steps."}).json()
        assert decision["bundle_id"] == manifest["bundle_id"]
        assert set(decision["estimates"]) == {"direct", "reasoning"}
        items = [{"prompt": f"What is {number} + 1?"} for number in range(20)]
        results = http.post("/v1/decisions/batch", json={"requests": items}).json()["results"]
        assert len({result["decision"]["decision_id"] for result in results}) == 20
    assert running.end(signal.SIGINT) == 0


def test_spoilt_bundle_is_refused_once_for_all_workers(bundle: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(bundle, spoilt)
    graph = bytearray((spoilt / "model.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (spoilt / "model.onnx").write_bytes(graph)
    ended = subprocess.run(
        [sys.executable, "-m", "serving.main", "--http-port", "0", "--workers", "2", "--bundle", str(spoilt)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("thinkgate-server: model.onnx: its hash is not the manifest's")
    assert ended.stderr.count("\n") == 1


def test_unusable_files_are_named(tmp_path: Path) -> None:
    cold = ("--http-port", "0", "--cold-start", "--arms")
    assert "none.toml" in _run(*cold, str(tmp_path / "none.toml"))
    bad = tmp_path / "policy.toml"
    bad.write_text("value_of_success_usd = 'much'\n")
    assert "line 1, value_of_success_usd" in _run(*cold, str(ARMS), "--policy", str(bad))
    unpriced = tmp_path / "arms.toml"
    unpriced.write_text(re.sub(r'model = "[^"]*"', 'model = "no-such-model"', ARMS.read_text()))
    assert "price_usd_per_mtok" in _run(*cold, str(unpriced))


def test_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for workers in ("1", "2"):
            complaint = _run("--cold-start", "--arms", str(ARMS), "--http-port", port, "--workers", workers)
            assert f"port {port} on 127.0.0.1 is in use" in complaint
    path = tmp_path / "file"
    path.touch()
    assert "is no socket" in _run("--cold-start", "--arms", str(ARMS), "--uds", str(path))
    assert path.exists()


def test_errors_are_one_line_with_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["--no-such-option"], ["--http-port", "x"], ["--bundle", "/no/such/folder", "--http-port", "0"]):
        monkeypatch.setattr("sys.argv", ["thinkgate-server", *arguments])
        with pytest.raises(SystemExit) as ended:
            server_main.main()
        assert ended.value.code == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("thinkgate-server: ")
        assert shown.err.count("\n") == 1


def test_accepted_connections_do_not_wait_for_more() -> None:
    with open_tcp("127.0.0.1", 0) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _post_fresh(url: str, count: int) -> set[int]:
    """Post over connections of their own, so that the kernel spreads them over the workers."""
    return {httpx.post(url + ONE, json={"prompt": "Hi"}).status_code for _ in range(count)}


def _listeners(url: str) -> int:
    port = int(url.rpartition(":")[2])
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A" for row in rows)
