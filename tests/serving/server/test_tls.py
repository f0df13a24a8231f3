"""TLS and keys on a running server: who may not come in does not, and files that can't be used are named."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from serving.auth.api_keys import make_key
from serving.auth.key_file import write_keys
from serving.server.tls import BadTls, server_context
from tests.support.certificates import Authority, Pair
from tests.support.servers import Launch

ONE = "/v1/decisions"
HI = {"prompt": "Hi"}


def _context(authority: Authority, client: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.cert)
    if client is not None:
        context.load_cert_chain(client.cert, client.key)
    return context


def test_mutual_tls_lets_known_clients_in_only(launch: Launch, tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path), Authority(tmp_path, "stranger")
    server, client, stranger = ours.issue("server"), ours.issue("client"), theirs.issue("mallory")
    files = ("--tls-cert", str(server.cert), "--tls-key", str(server.key), "--tls-client-ca", str(ours.cert))
    running = launch(*files)
    url = running.announcement.split(" (")[0].split()[-1]
    assert url.startswith("https://")
    with httpx.Client(base_url=url, verify=_context(ours, client)) as http:
        assert http.post(ONE, json=HI).status_code == 200
        assert http.post("/v1/later").status_code == 403
    for pair in (None, stranger):
        with httpx.Client(base_url=url, verify=_context(ours, pair)) as http, pytest.raises(httpx.TransportError):
            http.post(ONE, json=HI)
    with pytest.raises(httpx.TransportError):
        httpx.post(url.replace("https", "http") + ONE, json=HI)
    assert running.end() == 0
    assert "Traceback" not in running.log()


def test_keys_are_watched_by_every_worker(launch: Launch, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    old, fresh = make_key("gateway", ["decide"]), make_key("gateway", ["decide"])
    slow = make_key("slow", ["decide"], decisions_per_second=0.01, burst=4)
    write_keys(path, [old.key, slow.key])
    running = launch("--keys", str(path), "--workers", "2")

    def status(token: str) -> int:
        return httpx.post(running.url + ONE, json=HI, headers={"authorization": f"Bearer {token}"}).status_code

    assert httpx.post(running.url + ONE, json=HI).status_code == 401
    assert {status(old.token) for _ in range(10)} == {200}
    # Fresh connections reach both workers, and they count as one.
    assert sorted(status(slow.token) for _ in range(10)) == [200] * 4 + [429] * 6
    write_keys(path, [fresh.key])
    end = time.monotonic() + 20
    while {status(old.token) for _ in range(8)} != {401}:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert {status(fresh.token) for _ in range(8)} == {200}
    assert running.end() == 0
    log = running.log()
    assert fresh.key.key_id in log
    for made in (old, fresh, slow):
        assert made.token not in log


def test_fuzzed_calls_with_a_key_that_runs_out_get_no_5xx(launch: Launch, tmp_path: Path) -> None:
    """Every route from the document, with a valid key whose rate is soon used up: 401, 403 and 429, never 5xx."""
    path = tmp_path / "keys.toml"
    made = make_key("fuzz", ["decide", "report"], decisions_per_second=2, burst=5)
    prometheus = make_key("prometheus", ["metrics"])
    write_keys(path, [made.key, prometheus.key])
    running = launch("--keys", str(path))
    checks = "not_a_server_error,status_code_conformance,content_type_conformance"
    command = [sys.executable, "-m", "schemathesis.cli", "run", running.url + "/openapi.json"]
    command += ["--checks", checks, "--max-examples", "15", "--phases", "fuzzing", "--seed", "7", "--no-color"]
    command += ["--header", f"x-api-key: {made.token}"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-1000:]
    shown = httpx.get(running.url + "/metrics", headers={"x-api-key": prometheus.token}).text
    for why in ("rate-limited", "forbidden"):
        assert f'thinkgate_refused_total{{key="{made.key.key_id}",why="{why}"}}' in shown
    assert running.end() == 0
    assert made.token not in running.log()


def test_unusable_files_are_named(tmp_path: Path) -> None:
    pair, other = Authority(tmp_path).issue("server"), Authority(tmp_path, "b").issue("other")
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    for cert, key, ca, word in (
        (tmp_path / "none.pem", pair.key, None, "none.pem is not there"),
        (pair.cert, other.key, None, "of one pair"),
        (junk, pair.key, None, "junk.pem"),
        (pair.cert, pair.key, junk, "--tls-client-ca"),
    ):
        with pytest.raises(BadTls, match=word):
            server_context(cert, key, ca)
    assert server_context(pair.cert, pair.key, None).verify_mode == ssl.CERT_NONE
