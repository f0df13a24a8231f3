"""Envoy's admin interface, asked of a real Envoy."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from serving.gateways.standalone.envoy_admin import EnvoyAdmin
from serving.gateways.standalone.envoy_config import GatewayConfig, envoy_config, to_json
from serving.gateways.standalone.upstreams import parse_upstreams
from tests.support.envoy_proxy import run_envoy
from tests.support.fake_upstream import serve_upstream
from tests.support.servers import free_ports
from tests.support.waiting import wait_until


def test_calls_are_counted_and_connections_refused_when_told(tmp_path: Path) -> None:
    port, nobody = free_ports(2)
    admin = EnvoyAdmin(tmp_path / "admin.sock")
    with serve_upstream() as upstream:
        upstreams = parse_upstreams([f"{upstream.url}/v1"])
        config = GatewayConfig("127.0.0.1", port, nobody, tmp_path / "admin.sock", upstreams, tmp_path)
        with run_envoy(to_json(envoy_config(config)).decode(), tmp_path / "envoy.json", tmp_path / "admin.sock"):
            assert admin.is_ready()
            assert admin.open_calls() == 0
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            with httpx.stream("POST", url, json={"stream": True}, timeout=20) as answer:
                assert answer.status_code == 200
                assert admin.open_calls() == 1
                admin.stop_listening()
                with pytest.raises(httpx.ConnectError):
                    httpx.get(url, timeout=20)
                upstream.may_continue.release(9)
                assert b"[DONE]" in answer.read()
            wait_until(lambda: admin.open_calls() == 0)


def test_an_envoy_that_is_gone_is_neither_ready_nor_busy(tmp_path: Path) -> None:
    admin = EnvoyAdmin(tmp_path / "none.sock")
    assert not admin.is_ready()
    assert admin.open_calls() == 0
    admin.stop_listening()
