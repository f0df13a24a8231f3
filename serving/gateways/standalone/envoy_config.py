"""Generates Envoy's configuration: one listener, thinkgate as external processor, one or two clusters an upstream.

It is what `deploy/envoy/envoy.yaml` shows, for public endpoints: TLS, host and path rewritten, nothing added that tells
the provider of the gateway, nothing logged that a key may stand in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from serving.gateways.standalone.arm_options import UPSTREAM_HEADER
from serving.gateways.standalone.envoy_clusters import (
    THINKGATE,
    cluster_name,
    thinkgate_cluster,
    upstream_clusters,
    websocket_cluster_name,
)
from serving.gateways.standalone.envoy_types import Config, named_extension, typed_config
from serving.gateways.standalone.upstreams import PathRule, Upstream, path_rules

_BUFFER_BYTES: Final = 4 * 2**20
"""Held while thinkgate decides; above its own --max-body-bytes (2 MiB), larger bodies go on unread."""
_CONNECTIONS: Final = 50_000
"""Connections of clients at a time, beyond which Envoy takes no more."""
_IDLE: Final = "3600s"
"""After so long without a byte either way a call is given up: a model may think for many minutes."""
_HEADERS_TIMEOUT: Final = "30s"
_DECISION_TIMEOUT: Final = "0.5s"
"""Where thinkgate takes longer, the call goes on as it came."""
_NOT_FOR_UPSTREAMS: Final = ("x-forwarded-proto", "x-request-id")
_UNREACHABLE: Final = ("UF", "UH", "UO", "UC", "UT", "NC", "DF")
"""Response flags of calls that got no reply from the upstream."""
_WEBSOCKET: Final = {"name": "upgrade", "string_match": {"exact": "websocket", "ignore_case": True}}
_HOST_HEADER: Final = "x-thinkgate-host"
"""Tells thinkgate whose endpoint it is, whose words its bodies are in: the authority is rewritten only later."""
_TAG: Final = "thinkgate.upstream"
_STRIP: Final = "thinkgate.private"
_PROCESSOR: Final = "thinkgate.processor"
_MUTATION: Final = "filters.http.header_mutation.v3.HeaderMutation"
_LOG_LINE: Final = (
    "%START_TIME% %REQ(:METHOD)% %REQ_WITHOUT_QUERY(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS%"
    " %DURATION%ms upstream=%UPSTREAM_CLUSTER% arm=%RESP(X-THINKGATE-ARM)% applied=%RESP(X-THINKGATE-APPLIED)%"
    " decision=%RESP(X-THINKGATE-DECISION-ID)%\n"
)
"""Neither headers that a key may stand in nor the query, which holds Gemini's key."""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What Envoy's configuration is made of.

    Parameters
    ----------
    host, port
        Where clients connect.
    grpc_port
        Where thinkgate's external processor listens, on 127.0.0.1.
    admin_socket
        Path of the Unix socket of Envoy's admin interface.
    ca_bundle
        PEM file by which upstreams are verified.
    access_log
        One line a call on Envoy's standard output.
    """

    host: str
    port: int
    grpc_port: int
    admin_socket: Path
    upstreams: Sequence[Upstream]
    ca_bundle: Path
    access_log: bool = True


def envoy_config(config: GatewayConfig) -> Config:
    """Generate Envoy's bootstrap configuration as the JSON object that it reads."""
    clusters = [thinkgate_cluster(config.grpc_port)]
    for upstream in config.upstreams:
        clusters += upstream_clusters(upstream, config.ca_bundle)
    limit = {"max_active_downstream_connections": _CONNECTIONS}
    return {
        "admin": {"address": {"pipe": {"path": str(config.admin_socket), "mode": 0o600}}},
        "overload_manager": {
            "resource_monitors": [
                named_extension(
                    "envoy.resource_monitors.global_downstream_max_connections",
                    "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    limit,
                )
            ]
        },
        "static_resources": {"listeners": [_listener(config)], "clusters": clusters},
    }


def to_json(config: Config) -> bytes:
    """Serialise a configuration, readable."""
    return orjson.dumps(config, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _listener(config: GatewayConfig) -> Config:
    return {
        "name": "llm",
        "address": {"socket_address": {"address": config.host, "port_value": config.port}},
        "per_connection_buffer_limit_bytes": _BUFFER_BYTES,
        "enable_reuse_port": False,  # else a second gateway on this port would take every other connection
        "filter_chains": [
            {
                "filters": [
                    named_extension("envoy.filters.network.http_connection_manager", *_connection_manager(config))
                ]
            }
        ],
    }


def _connection_manager(config: GatewayConfig) -> tuple[str, Config]:
    manager: Config = {
        "stat_prefix": "llm",
        "codec_type": "AUTO",
        "stream_idle_timeout": _IDLE,
        "request_headers_timeout": _HEADERS_TIMEOUT,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "generate_request_id": False,
        "skip_xff_append": True,
        "server_header_transformation": "PASS_THROUGH",
        "local_reply_config": _local_replies(),
        "route_config": _routes(config),
        "http_filters": _filters(),
    }
    if config.access_log:
        manager["access_log"] = [_access_log()]
    return "filters.network.http_connection_manager.v3.HttpConnectionManager", manager


def _filters() -> list[Config]:
    private = {"remove_on_match": {"key_matcher": {"prefix": "x-thinkgate-"}}}
    return [
        named_extension(_TAG, _MUTATION, {}),
        named_extension(_PROCESSOR, "filters.http.ext_proc.v3.ExternalProcessor", _processor()),
        # What thinkgate was told and what it decided is nobody else's business.
        named_extension(_STRIP, _MUTATION, {"mutations": {"request_mutations": [private]}}),
        named_extension("envoy.filters.http.router", "filters.http.router.v3.Router", {"suppress_envoy_headers": True}),
    ]


def _processor() -> Config:
    return {
        "grpc_service": {"envoy_grpc": {"cluster_name": THINKGATE}},
        "failure_mode_allow": True,  # without thinkgate every call goes on as it came
        "message_timeout": _DECISION_TIMEOUT,
        "allow_mode_override": True,  # thinkgate asks for the body of a model call, and for a reply's as it passes
        "processing_mode": {
            "request_header_mode": "SEND",
            "request_body_mode": "NONE",
            "response_header_mode": "SEND",
            "response_body_mode": "NONE",
            "request_trailer_mode": "SKIP",
            "response_trailer_mode": "SKIP",
        },
    }


def _routes(config: GatewayConfig) -> Config:
    routes: list[Config] = []
    for upstream in sorted(config.upstreams, key=lambda each: not each.name):  # the root comes last
        for rule in path_rules(upstream):
            routes.append(_route(upstream, rule, websocket_cluster_name(upstream), [_WEBSOCKET]))
            routes.append(_route(upstream, rule, cluster_name(upstream)))
    if all(upstream.name for upstream in config.upstreams):
        routes.append(_no_route(config.upstreams))
    return {
        "name": "llm",
        "request_headers_to_remove": list(_NOT_FOR_UPSTREAMS),
        "virtual_hosts": [{"name": "llm", "domains": ["*"], "routes": routes}],
    }


def _route(upstream: Upstream, rule: PathRule, cluster: str, headers: Sequence[Config] = ()) -> Config:
    match: Config = {"prefix": rule.prefix}
    if headers:
        match["headers"] = list(headers)
    # No retries: a repeated call is paid twice, and SDKs retry themselves.
    action: Config = {"cluster": cluster, "timeout": "0s", "idle_timeout": _IDLE}
    action["host_rewrite_literal"] = upstream.authority
    if rule.replacement != rule.prefix:
        action["prefix_rewrite"] = rule.replacement
    before = [_set_header(UPSTREAM_HEADER, upstream.label), _set_header(_HOST_HEADER, upstream.authority)]
    per_filter = {"mutations": {"request_mutations": before}}
    return {
        "match": match,
        "route": action,
        "typed_per_filter_config": {
            _TAG: typed_config("filters.http.header_mutation.v3.HeaderMutationPerRoute", per_filter)
        },
    }


def _set_header(name: str, value: str) -> Config:
    return {"append": {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


def _no_route(upstreams: Sequence[Upstream]) -> Config:
    """Answer calls at no upstream's path: 404 that names the paths there are."""
    there_are = ", ".join(upstream.base_url("") for upstream in upstreams)
    body = _error_json(
        "not_found", f"thinkgate gateway: there is no upstream at this path; base URLs end in {there_are}"
    )
    json_type = {"header": {"key": "content-type", "value": "application/json"}}
    off = typed_config("filters.http.ext_proc.v3.ExtProcPerRoute", {"disabled": True})
    return {
        "match": {"prefix": "/"},
        "direct_response": {"status": 404, "body": {"inline_string": body}},
        "response_headers_to_add": [{**json_type, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
        "typed_per_filter_config": {_PROCESSOR: off},
    }


def _local_replies() -> Config:
    """Word Envoy's own answer to an upstream that can't be reached, in the form that SDKs show."""
    message = "thinkgate gateway could not get an answer from the upstream: %LOCAL_REPLY_BODY%"
    reason = "%UPSTREAM_TRANSPORT_FAILURE_REASON%"  # such as a certificate that could not be verified
    body = {"error": {"type": "upstream_unreachable", "message": message, "transport_failure": reason}}
    return {
        "mappers": [
            {
                "filter": {"response_flag_filter": {"flags": list(_UNREACHABLE)}},
                "body_format_override": {"json_format": body},
            }
        ]
    }


def _access_log() -> Config:
    formatter = named_extension(
        "envoy.formatter.req_without_query", "formatter.req_without_query.v3.ReqWithoutQuery", {}
    )
    log_format = {"text_format_source": {"inline_string": _LOG_LINE}, "formatters": [formatter]}
    return named_extension(
        "envoy.access_loggers.stdout", "access_loggers.stream.v3.StdoutAccessLog", {"log_format": log_format}
    )


def _error_json(kind: str, message: str) -> str:
    return orjson.dumps({"error": {"type": kind, "message": message}}).decode()
