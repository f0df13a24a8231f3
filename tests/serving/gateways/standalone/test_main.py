"""The command line of the gateway: every kind of bad input is one line that names its cure."""

from __future__ import annotations

import json
import sys

import pytest

from serving.gateways.standalone.main import main
from tests.support.servers import ARMS

OPENAI = ("--upstream", "https://api.openai.com/v1")
TWO_ARMS = ("--arm", "gpt-5.1@none", "--arm", "gpt-5.1@high")


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    for name in ("THINKGATE_ARMS", "THINKGATE_BUNDLE", "THINKGATE_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["thinkgate-gateway", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    return code if isinstance(code, int) else 0


BAD: list[tuple[tuple[object, ...], str]] = [
    ((), "--upstream https://api.openai.com/v1"),
    (("--upstream", "api.openai.com/v1"), "https://api.openai.com/v1"),
    (OPENAI, "--arm gpt-5.1@none"),
    ((*OPENAI, "--arm", "gpt-5.1@none"), "add another"),
    ((*OPENAI, *TWO_ARMS, "--arms", ARMS), "exclude each other"),
    ((*OPENAI, *TWO_ARMS, "--bundle", "b"), "exclude each other"),
    ((*OPENAI, *TWO_ARMS, "--envoy", "/nosuch"), "pip install"),
    ((*OPENAI, *TWO_ARMS, "--upstream-ca", "/nosuch"), "--upstream-ca"),
    ((*OPENAI, *TWO_ARMS, "--host", "no such host"), "127.0.0.1"),
    ((*OPENAI, *TWO_ARMS, "--port", "70000"), "--help"),
    ((*OPENAI, *TWO_ARMS, "--upsteam", "x"), "--help"),
    (
        (*OPENAI, "--arm", "default=a@none", "--arm", "a@high", "--policy", "p.toml", "--port", 0, "--api-port", 0),
        "x-thinkgate-upstream",
    ),
]


@pytest.mark.parametrize(("words", "cure"), BAD, ids=[str(place) for place in range(len(BAD))])
def test_bad_input_is_one_line_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[object, ...], cure: str
) -> None:
    assert run(monkeypatch, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("thinkgate gateway: ")
    assert cure in line


def test_configuration_is_printed_for_those_who_go_on_by_themselves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *OPENAI, "--print-config", "--port", "9999") == 0
    config = json.loads(capsys.readouterr().out)
    (listener,) = config["static_resources"]["listeners"]
    assert listener["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 9999}


def test_help_shows_how_to_begin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert run(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    for word in ("--upstream", "--arm", "--bundle", "--port", "--envoy", "https://api.openai.com/v1"):
        assert word in shown
