"""Settings: options over variables over defaults, and a wrong one is named with its cure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from serving.settings import BadSettings, Settings, is_loopback, option, read_settings, variable

SERVED = {"bundle": Path("b")}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("THINKGATE_")]:
        monkeypatch.delenv(name)


def test_defaults_stay_on_this_machine() -> None:
    settings = read_settings(SERVED)
    assert (settings.host, settings.http_port, settings.workers) == ("127.0.0.1", 8080, 1)
    assert settings.max_body_bytes == 2 * 1024 * 1024
    assert is_loopback(settings.host)


def test_option_wins_over_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINKGATE_HTTP_PORT", "9000")
    monkeypatch.setenv("THINKGATE_MAX_BATCH", "12")
    monkeypatch.setenv("THINKGATE_POLICY", "")
    monkeypatch.setenv("THINKGATE_BUNDLE", "from-env")
    settings = read_settings({"http_port": 9100})
    assert (settings.http_port, settings.max_batch, settings.policy) == (9100, 12, None)
    assert settings.bundle == Path("from-env")


def test_every_setting_has_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "arms": "a.toml", "capabilities": "c.toml", "policy": "p.toml",
        "fallback": "reason", "host": "::1", "http_port": "1", "uds": "s",
        "grpc_port": "2", "keys": "k.toml", "tls_cert": "c.pem", "tls_key": "k.pem", "tls_client_ca": "ca.pem",
        "workers": "3", "drain_seconds": "4.5", "keep_alive_seconds": "5", "log_level": "debug",
        "log_format": "json", "otlp_endpoint": "http://c:4318", "trace_share": "0.5",
        "max_body_bytes": "2048", "max_messages": "7", "max_batch": "8", "body_seconds": "9", "bundle": "b",
        "ask_usage": "true", "allow_same": "true",
        "decision_deadline_ms": "2.5", "max_waiting": "11",
        "registry": "http://r", "insecure_registry": "true", "model_cache": "mc", "reload_seconds": "7.0",
        "shadow": "sh", "canary": "ca", "canary_share": "0.25",
        "journal": "sqlite:///j", "store_prompts": "hash", "retention_days": "30.0", "spool": "sp",
        "only_arm_models": "true",
    }  # fmt: skip
    assert set(values) | {"cold_start", "model"} == set(Settings.model_fields)
    for name, value in values.items():
        monkeypatch.setenv(variable(name), value)
    settings = read_settings({}).model_dump()
    assert {name: str(settings[name]).lower() for name in values} == {
        name: "9.0" if name == "body_seconds" else value for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({}, ("--bundle", "--cold-start")),
        ({"cold_start": True}, ("--arms",)),
        ({**SERVED, "model": "models:/a@b", "registry": "r"}, ("--bundle and --model",)),
        ({"model": "thinkgate", "registry": "r"}, ("--model", "--bundle")),
        ({"model": "models:/a@b"}, ("--registry",)),
        ({**SERVED, "shadow": "models:/a@b"}, ("--registry",)),
        ({**SERVED, "shadow": "dir", "journal": "none"}, ("--shadow", "--journal")),
        ({**SERVED, "cold_start": True, "arms": "a"}, ("--bundle and --cold-start",)),
        ({**SERVED, "http_port": 70000}, ("--http-port", "THINKGATE_HTTP_PORT", "65535")),
        ({**SERVED, "fallback": "luck"}, ("--fallback", "'baseline', 'reason' or 'prior'")),
        ({**SERVED, "host": "0.0.0.0"}, ("--host 127.0.0.1", "--keys", "--tls-client-ca")),
        ({**SERVED, "host": "0.0.0.0", "tls_cert": "c", "tls_key": "k"}, ("--keys",)),
        ({**SERVED, "tls_cert": "c"}, ("--tls-key",)),
        ({**SERVED, "tls_client_ca": "c"}, ("--tls-cert",)),
        ({**SERVED, "drain_seconds": float("nan")}, ("--drain-seconds",)),
        ({**SERVED, "max_body_bytes": 1}, ("--max-body-bytes",)),
        ({**SERVED, "workers": -1}, ("--workers",)),
    ],
)
def test_wrong_setting_names_its_cure(chosen: dict[str, object], words: tuple[str, ...]) -> None:
    with pytest.raises(BadSettings) as caught:
        read_settings(chosen)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_remote_and_unix_can_be_chosen() -> None:
    assert read_settings({**SERVED, "host": "0.0.0.0", "keys": "k.toml"}).host == "0.0.0.0"
    mutual = {"tls_cert": "c", "tls_key": "k", "tls_client_ca": "a"}
    assert read_settings({**SERVED, "host": "0.0.0.0", **mutual}).host == "0.0.0.0"
    assert read_settings({**SERVED, "host": "0.0.0.0", "uds": "x.sock"}).uds == Path("x.sock")


def test_no_workers_means_one_per_core() -> None:
    assert read_settings({**SERVED, "workers": 0}).processes == len(os.sched_getaffinity(0))


def test_names() -> None:
    assert (option("max_body_bytes"), variable("max_body_bytes")) == ("--max-body-bytes", "THINKGATE_MAX_BODY_BYTES")
