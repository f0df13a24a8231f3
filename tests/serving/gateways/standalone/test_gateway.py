"""The run of the gateway: what its server inherits, and how failed starts end. The whole is in tests/e2e."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from serving.gateways.standalone.envoy_binary import find_envoy
from serving.gateways.standalone.gateway import (
    GatewayFailed,
    GatewayOptions,
    ServerPorts,
    run_gateway,
    server_environment,
)
from serving.gateways.standalone.trust import find_ca_bundle
from serving.gateways.standalone.upstreams import parse_upstreams
from tests.support.servers import ARMS, free_ports

COLD = ("--cold-start", "--arms", str(ARMS), "--journal", "none")


def options(envoy: Path, *server: str) -> GatewayOptions:
    (port,) = free_ports(1)
    upstreams = parse_upstreams(["http://127.0.0.1:9/v1"])
    return GatewayOptions("127.0.0.1", port, 0, upstreams, find_ca_bundle(), envoy, server)


def never(_ports: ServerPorts) -> None:
    raise AssertionError("it was not ready")


def servers() -> set[int]:
    """Process ids of the servers that this process runs, those of other tests included."""
    return {each.pid for each in psutil.Process().children() if "serving.main" in " ".join(each.cmdline())}


def test_a_server_that_refuses_ends_it_with_its_own_code(capfd: pytest.CaptureFixture[str]) -> None:
    others = servers()
    assert run_gateway(options(find_envoy(), "--bundle", "/nosuch"), never) == 2
    assert "thinkgate-server: " in capfd.readouterr().err
    assert servers() == others


def test_an_envoy_that_does_not_start_ends_the_server_too(tmp_path: Path) -> None:
    broken = tmp_path / "envoy"
    broken.write_text(f"#!{sys.executable}\nraise SystemExit(3)\n")
    broken.chmod(0o755)
    others = servers()
    with pytest.raises(GatewayFailed, match="ended with code 3"):
        run_gateway(options(broken, *COLD), never)
    assert servers() == others


def test_settings_that_would_cut_envoy_off_are_not_inherited() -> None:
    environment = {"THINKGATE_TLS_CERT": "c", "THINKGATE_UDS": "s", "THINKGATE_STORE_PROMPTS": "none", "HOME": "/"}
    assert server_environment(environment) == {"THINKGATE_STORE_PROMPTS": "none", "HOME": "/"}
