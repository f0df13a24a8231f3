"""Options: read from the environment, and a bad one never stops the proxy."""

from __future__ import annotations

import pytest
from thinkgate_litellm.options import HookOptions, read_options


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_options({}) == read_options({"THINKGATE_URL": "", "THINKGATE_API_KEY": ""}) == HookOptions()


def test_every_option_is_read() -> None:
    variables = {"URL": "http://x", "API_KEY": "k", "TIMEOUT_MS": "7.5", "MODELS": "a, b,"}
    found = read_options({f"THINKGATE_{name}": value for name, value in variables.items()})
    assert found == HookOptions("http://x", "k", 7.5, frozenset({"a", "b"}))


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_bad_timeout_is_said_and_replaced(text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert read_options({"THINKGATE_TIMEOUT_MS": text}).timeout_ms == HookOptions().timeout_ms
    assert "THINKGATE_TIMEOUT_MS" in caplog.text
