"""Clusters of Envoy's configuration: thinkgate itself, and each upstream with TLS, DNS and connection settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from serving.gateways.standalone.envoy_types import Config, named_extension, typed_config
from serving.gateways.standalone.upstreams import Upstream

THINKGATE: Final = "thinkgate"
"""Name of the cluster of thinkgate's external processor; upstreams have a prefix, so that none can be called so."""

_HTTP_OPTIONS: Final = "upstreams.http.v3.HttpProtocolOptions"
_MANY: Final = 100_000
"""Calls at a time; Envoy's own 1024 is few for calls that take minutes."""
_POOL_IDLE: Final = "55s"
"""Unused connections are closed before a provider's load balancer does so under a call."""


def thinkgate_cluster(grpc_port: int) -> Config:
    """Give the cluster of the external processor, on this machine."""
    return {
        "name": THINKGATE,
        "type": "STATIC",
        "connect_timeout": "0.25s",
        "typed_extension_protocol_options": _protocol({"explicit_http_config": {"http2_protocol_options": {}}}),
        "load_assignment": _endpoint(THINKGATE, "127.0.0.1", grpc_port),
    }


def cluster_name(upstream: Upstream) -> str:
    """Name the cluster of an upstream."""
    return f"upstream-{upstream.label}"


def websocket_cluster_name(upstream: Upstream) -> str:
    """Name the cluster for an upstream's websockets: over TLS one of its own, which never speaks HTTP/2."""
    return f"{cluster_name(upstream)}-websocket" if upstream.tls else cluster_name(upstream)


def upstream_clusters(upstream: Upstream, ca_bundle: Path) -> list[Config]:
    """Give the clusters of an upstream; over TLS it chooses HTTP/2 or HTTP/1.1 itself (ALPN)."""
    http1: Config = {"explicit_http_config": {"http_protocol_options": {}}}
    if not upstream.tls:
        return [_cluster(upstream, cluster_name(upstream), http1, None)]
    either: Config = {"auto_config": {"http_protocol_options": {}, "http2_protocol_options": {}}}
    return [
        _cluster(upstream, cluster_name(upstream), either, ca_bundle),
        _cluster(upstream, websocket_cluster_name(upstream), http1, ca_bundle),
    ]


def _cluster(upstream: Upstream, name: str, protocol: Config, ca_bundle: Path | None) -> Config:
    limits = {"max_connections": _MANY, "max_pending_requests": _MANY, "max_requests": _MANY}
    cluster: Config = {
        "name": name,
        "connect_timeout": "10s",
        "circuit_breakers": {"thresholds": [limits]},
        # A silent connection is kept open by the networks between while a model thinks.
        "upstream_connection_options": {
            "tcp_keepalive": {"keepalive_time": 60, "keepalive_interval": 30, "keepalive_probes": 5}
        },
        "typed_extension_protocol_options": _protocol(
            {"common_http_protocol_options": {"idle_timeout": _POOL_IDLE}, **protocol}
        ),
        "load_assignment": _endpoint(name, upstream.host, upstream.port),
    }
    if upstream.is_address:
        cluster["type"] = "STATIC"
    else:
        # ALL: addresses of both families are tried, so that a name with IPv6 works without IPv6.
        cluster |= {"type": "LOGICAL_DNS", "dns_lookup_family": "ALL"}
    if ca_bundle is not None:
        cluster["transport_socket"] = _tls(upstream, ca_bundle)
    return cluster


def _tls(upstream: Upstream, ca_bundle: Path) -> Config:
    kind = "IP_ADDRESS" if upstream.is_address else "DNS"
    name = {"san_type": kind, "matcher": {"exact": upstream.host}}
    validation = {"trusted_ca": {"filename": str(ca_bundle)}, "match_typed_subject_alt_names": [name]}
    fields: Config = {"common_tls_context": {"validation_context": validation}}
    if not upstream.is_address:
        fields["sni"] = upstream.host
    return named_extension("envoy.transport_sockets.tls", "transport_sockets.tls.v3.UpstreamTlsContext", fields)


def _protocol(fields: Config) -> Config:
    return {f"envoy.extensions.{_HTTP_OPTIONS}": typed_config(_HTTP_OPTIONS, fields)}


def _endpoint(cluster: str, host: str, port: int) -> Config:
    address = {"socket_address": {"address": host, "port_value": port}}
    return {"cluster_name": cluster, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}
