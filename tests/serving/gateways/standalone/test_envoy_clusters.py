"""Clusters in a real Envoy: HTTP/2 and HTTP/1.1 over TLS by ALPN, and certificates that are really verified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from serving.gateways.standalone.envoy_config import GatewayConfig, envoy_config, to_json
from serving.gateways.standalone.envoy_types import Config, named_extension
from serving.gateways.standalone.upstreams import parse_upstreams
from tests.support.certificates import Authority, Pair
from tests.support.envoy_proxy import run_envoy
from tests.support.servers import free_ports

HTTP_2 = ["h2", "http/1.1"]
HTTP_1 = ["http/1.1"]


@dataclass(frozen=True)
class Provider:
    port: int
    authority: Authority


def provider_config(port: int, pair: Pair, protocols: list[str], admin: Path) -> Config:
    """Give a TLS server that answers with the protocol it was spoken to in."""
    certificate = {"certificate_chain": {"filename": str(pair.cert)}, "private_key": {"filename": str(pair.key)}}
    tls = {"common_tls_context": {"tls_certificates": [certificate], "alpn_protocols": protocols}}
    echo = {"header": {"key": "x-protocol", "value": "%PROTOCOL%"}}
    server_name = {"header": {"key": "x-sni", "value": "%REQUESTED_SERVER_NAME%"}}
    route = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
    hosts = [{"name": "all", "domains": ["*"], "routes": [route], "response_headers_to_add": [echo, server_name]}]
    router = named_extension("router", "filters.http.router.v3.Router", {})
    manager = named_extension(
        "manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        {"stat_prefix": "p", "route_config": {"virtual_hosts": hosts}, "http_filters": [router]},
    )
    socket = named_extension("tls", "transport_sockets.tls.v3.DownstreamTlsContext", tls)
    inspector = named_extension("inspector", "filters.listener.tls_inspector.v3.TlsInspector", {})
    listener = {
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},  # as 127.0.0.2, too
        "listener_filters": [inspector],
        "filter_chains": [{"filters": [manager], "transport_socket": socket}],
    }
    return {"admin": {"address": {"pipe": {"path": str(admin)}}}, "static_resources": {"listeners": [listener]}}


@contextmanager
def provider(folder: Path, protocols: list[str]) -> Iterator[Provider]:
    authority = Authority(folder)
    (port,) = free_ports(1)
    config = provider_config(port, authority.issue("provider"), protocols, folder / "p.sock")
    with run_envoy(json.dumps(config), folder / "provider.json", folder / "p.sock"):
        yield Provider(port, authority)


@contextmanager
def gateway(folder: Path, url: str, ca_bundle: Path) -> Iterator[str]:
    listener, nobody = free_ports(2)  # no thinkgate: calls pass undecided
    upstreams = parse_upstreams([url])
    config = GatewayConfig("127.0.0.1", listener, nobody, folder / "g.sock", upstreams, ca_bundle, access_log=False)
    with run_envoy(to_json(envoy_config(config)).decode(), folder / "gateway.json", folder / "g.sock"):
        yield f"http://127.0.0.1:{listener}"


@pytest.mark.parametrize(("protocols", "spoken"), [(HTTP_2, "HTTP/2"), (HTTP_1, "HTTP/1.1")])
def test_the_upstream_s_protocol_is_spoken(tmp_path: Path, protocols: list[str], spoken: str) -> None:
    with (
        provider(tmp_path, protocols) as served,
        gateway(tmp_path, f"https://localhost:{served.port}/v1", served.authority.cert) as url,
    ):
        answer = httpx.post(f"{url}/v1/chat/completions", json={"messages": []}, timeout=20)
        assert (answer.status_code, answer.headers["x-protocol"]) == (200, spoken)
        assert answer.headers["x-sni"] == "localhost"


def test_an_address_is_verified_as_an_address(tmp_path: Path) -> None:
    with (
        provider(tmp_path, HTTP_2) as served,
        gateway(tmp_path, f"https://127.0.0.1:{served.port}/v1", served.authority.cert) as url,
    ):
        assert httpx.get(f"{url}/v1/models", timeout=20).status_code == 200


def test_a_stranger_s_certificate_is_refused_and_said(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", "stranger")
    with (
        provider(tmp_path, HTTP_2) as served,
        gateway(tmp_path, f"https://127.0.0.1:{served.port}/v1", stranger.cert) as url,
    ):
        answer = httpx.get(f"{url}/v1/models", timeout=20)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/json")
    error = answer.json()["error"]
    assert error["type"] == "upstream_unreachable"
    assert "CERTIFICATE_VERIFY_FAILED" in error["transport_failure"]


def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    """The test's certificate names localhost and 127.0.0.1; the alias below is neither."""
    with (
        provider(tmp_path, HTTP_2) as served,
        gateway(tmp_path, f"https://127.0.0.2:{served.port}/v1", served.authority.cert) as url,
    ):
        answer = httpx.get(f"{url}/v1/models", timeout=20)
    assert answer.status_code == 503
    assert "CERTIFICATE_VERIFY_FAILED" in answer.json()["error"]["transport_failure"]
