"""The examples for Kubernetes gateways and agentgateway keep to what these take, and to what thinkgate needs of them.

They were checked against the published schemas (CRDs of Envoy Gateway and the Gateway API of August 2026, of
InferencePool v1, agentgateway's configuration schema). The schemas are not kept here; this test holds those of their
facts that matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from serving.http_api.auth_middleware import PATH_SCOPES
from tests.support.servers import ROOT

EXAMPLES = ROOT / "deploy" / "gateways"
MANIFESTS = ("envoy-gateway", "envoy-ai-gateway", "inference-extension")
API_VERSIONS = {
    "EnvoyExtensionPolicy": "gateway.envoyproxy.io/v1alpha1",
    "Backend": "gateway.envoyproxy.io/v1alpha1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "ReferenceGrant": "gateway.networking.k8s.io/v1beta1",
    "InferencePool": "inference.networking.k8s.io/v1",
}
EXT_PROC_FIELDS = {"backendRefs", "failOpen", "messageTimeout", "metadata", "processingMode"}
BODY_MODES = {"Streamed", "Buffered", "BufferedPartial", "FullDuplexStreamed"}


def documents(name: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all((EXAMPLES / f"{name}.yaml").read_text()) if document]


def processors(name: str) -> Iterator[dict[str, Any]]:
    for document in documents(name):
        if document["kind"] == "EnvoyExtensionPolicy":
            yield from document["spec"]["extProc"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_kinds_have_their_versions_and_the_policy_targets_a_route_of_the_file_or_the_readers(name: str) -> None:
    given = documents(name)
    assert all(API_VERSIONS[document["kind"]] == document["apiVersion"] for document in given)
    (policy,) = [document for document in given if document["kind"] == "EnvoyExtensionPolicy"]
    (target,) = policy["spec"]["targetRefs"]
    assert (target["group"], target["kind"]) == ("gateway.networking.k8s.io", "HTTPRoute")
    routes = {document["metadata"]["name"] for document in given if document["kind"] == "HTTPRoute"}
    assert not routes or target["name"] in routes


@pytest.mark.parametrize("name", MANIFESTS)
def test_processor_fails_open_and_lets_thinkgate_choose_the_body_mode(name: str) -> None:
    (processor,) = processors(name)
    assert set(processor) <= EXT_PROC_FIELDS
    assert processor["failOpen"] is True
    mode = processor["processingMode"]
    assert mode["allowModeOverride"] is True
    # No body unless it is asked for, but headers in both directions.
    assert (mode["request"], mode["response"]) == ({}, {})
    assert all(side.get("body") in BODY_MODES | {None} for side in (mode["request"], mode["response"]))
    (backend,) = processor["backendRefs"]
    assert backend == {"name": "thinkgate", "namespace": "thinkgate", "port": 9090}


def test_pool_names_what_it_must() -> None:
    (pool,) = [document for document in documents("inference-extension") if document["kind"] == "InferencePool"]
    assert {"selector", "targetPorts", "endpointPickerRef"} == set(pool["spec"])
    assert pool["spec"]["endpointPickerRef"]["failureMode"] == "FailOpen"
    (route,) = [document for document in documents("inference-extension") if document["kind"] == "HTTPRoute"]
    (reference,) = route["spec"]["rules"][0]["backendRefs"]
    assert (reference["kind"], reference["name"]) == ("InferencePool", pool["metadata"]["name"])


def test_agentgateway_streams_both_ways_and_fails_open() -> None:
    (config,) = documents("agentgateway")
    (route,) = config["binds"][0]["listeners"][0]["routes"]
    processor = route["policies"]["extProc"]
    assert processor["failureMode"] == "failOpen"
    # The modes of tests/e2e/test_envoy_body_modes.py's `duplex`, which stands in for agentgateway there.
    assert processor["processingOptions"] == {
        "requestHeaderMode": "send",
        "requestBodyMode": "fullDuplexStreamed",
        "requestTrailerMode": "send",
        "responseHeaderMode": "send",
        "responseBodyMode": "fullDuplexStreamed",
        "responseTrailerMode": "send",
    }
    assert route["backends"]


def test_portkey_waits_for_the_webhook_and_lets_every_call_go_on() -> None:
    config = json.loads((EXAMPLES / "portkey.json").read_text())
    (hook,) = config["before_request_hooks"]
    assert (hook["type"], hook["async"], hook["deny"]) == ("guardrail", False, False)
    (check,) = hook["checks"]
    assert check["id"] == "default.webhook"
    assert set(check["parameters"]) == {"webhookURL", "headers", "timeout"}
    assert urlsplit(check["parameters"]["webhookURL"]).path in PATH_SCOPES


def test_plano_appends_the_path_to_the_filters_url() -> None:
    (config,) = documents("plano")
    (given,) = config["filters"]
    assert set(given) == {"id", "url", "type"}  # Plano takes no headers there
    assert given["type"] == "http"
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses"):
        assert urlsplit(given["url"] + path).path in PATH_SCOPES
    (listener,) = config["listeners"]
    assert (listener["type"], listener["input_filters"]) == ("model", [given["id"]])
