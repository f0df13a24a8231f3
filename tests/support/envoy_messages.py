"""Builders of the messages that Envoy's external processing filter sends."""

from __future__ import annotations

import json
from typing import Any

from serving.gateways.envoy_reply import ExchangeServices
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.service.decision_service import DecisionService
from tests.support.fakes import LengthDecider, make_service

CHAT: dict[str, Any] = {"model": "gpt-5.1", "messages": [{"role": "user", "content": "Hi"}]}


def exchange_services(decision_service: DecisionService | None = None) -> ExchangeServices:
    """Services with clocks that stand still and a limit of 1000 bytes."""
    return ExchangeServices(decision_service or make_service(LengthDecider()), lambda: 5.0, lambda: 1.7e9, 1000)


def header_map(**headers: str) -> pb.HttpHeaders:
    """Headers by keyword: `content_type` is `content-type`, `__path` is `:path`."""
    pairs = [(name.replace("_", "-").replace("--", ":"), value) for name, value in headers.items()]
    values = [pb.HeaderValue(key=name, raw_value=value.encode()) for name, value in pairs]
    return pb.HttpHeaders(headers=pb.HeaderMap(headers=values))


def call_headers(path: str = "/v1/chat/completions", **more: str) -> pb.HttpHeaders:
    return header_map(__method="POST", __path=path, content_type="application/json", **more)


def body(value: object, *, whole: bool = True) -> pb.HttpBody:
    return pb.HttpBody(body=json.dumps(value).encode(), end_of_stream=whole)
