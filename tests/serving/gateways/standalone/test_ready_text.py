"""What the gateway says: lines to paste, and warnings that name the cure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from serving.gateways.standalone.gateway import GatewayOptions, ServerPorts
from serving.gateways.standalone.ready_text import ready_text, warnings_of
from serving.gateways.standalone.upstreams import parse_upstreams

OPTIONS = GatewayOptions(
    "127.0.0.1", 8800, 8801, parse_upstreams(["https://api.openai.com/v1"]), Path("ca"), Path("envoy"), ()
)


def several(*texts: str) -> GatewayOptions:
    return replace(OPTIONS, upstreams=parse_upstreams(texts))


def test_every_upstream_has_its_lines() -> None:
    options = several(
        "https://api.openai.com/v1",
        "claude=https://api.anthropic.com",
        "gemini=https://generativelanguage.googleapis.com",
    )
    lines = ready_text(options, ServerPorts(8801, 1)).splitlines()
    assert '  base_url = "http://127.0.0.1:8800/v1"    # for https://api.openai.com/v1' in lines
    assert "  export OPENAI_BASE_URL=http://127.0.0.1:8800/v1" in lines
    assert "  export ANTHROPIC_BASE_URL=http://127.0.0.1:8800/claude" in lines
    assert any('base_url = "http://127.0.0.1:8800/gemini"' in line for line in lines)
    assert "http://127.0.0.1:8801" in lines[-1]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_proxy_that_envoy_does_not_use_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.corp:3128")
    (warning,) = warnings_of(OPTIONS, None)
    assert "api.openai.com" in warning
    assert "proxy" in warning
    assert warnings_of(several("http://localhost:8000/v1"), None) == []
    monkeypatch.setenv("NO_PROXY", "openai.com")
    assert warnings_of(OPTIONS, None) == []


def test_nothing_is_warned_of_without_need() -> None:
    assert warnings_of(OPTIONS, None) == []
    assert warnings_of(several("http://localhost:8000/v1"), None) == []
    assert warnings_of(several("http://10.0.0.7:8000/v1"), None) == []
    assert warnings_of(several("https://a.example/v1", "b=https://b.example/v1"), Path("policy.toml")) == []


def test_what_is_risky_is_said_with_its_cure() -> None:
    (open_host,) = warnings_of(replace(OPTIONS, address="0.0.0.0"), None)
    assert "--host 127.0.0.1" in open_host
    (shared,) = warnings_of(several("https://a.example/v1", "b=https://b.example/v1"), None)
    assert "--arm NAME=MODEL@EFFORT" in shared
    (plain,) = warnings_of(several("http://api.example.com/v1"), None)
    assert "not encrypted" in plain
