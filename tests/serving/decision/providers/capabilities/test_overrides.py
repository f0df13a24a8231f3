"""Overrides are read strictly: every error names line, key and cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.decision import BadCapabilities
from serving.decision.providers.capabilities import Capability, read_overrides
from serving.decision.providers.capabilities.overrides import apply_override, parse_overrides

GOOD = '[[model]]\nhost = ["OpenAI", "azure"]\nmatch = "gpt-9*"\nwhy = "tried"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[model]]\nmatch = "gpt-9"\noff = true\nwhy = "x"', r"line 1, model\[1\].host: missing"),
        ('[[model]]\nhost = "openai"\noff = true\nwhy = "x"', r"model\[1\].match: missing"),
        ('[[model]]\nhost = "openai"\nmatch = "gpt-9"\noff = true', r"model\[1\].why: missing"),
        ('[[model]]\nhost = "openai"\nmatch = "*"\noff = true\nwhy = "x"', "line 3, .*name a family"),
        (GOOD, "line 1, .*changes nothing: add one of switch"),
        (GOOD + "effort = 3", "line 5, .*unknown"),
        (GOOD + 'switch = "plain_efort"', "line 5, .*did you mean 'plain_effort'"),
        (GOOD + 'efforts = ["low", "huge"]', "line 5, .*'huge' is no effort"),
        (GOOD + 'efforts = ["none"]', "line 5, .*off"),
        (GOOD + 'off = true\nuntil = "soon"', "line 6, .*2027-02"),
        (GOOD + "budget = { min = 9, max = 3 }", "line 5, .*below min"),
        (GOOD + 'endpoint = "chats"\noff = true', "line 5, .*did you mean 'chat'"),
        ("[[model", "not TOML"),
    ],
)
def test_errors_name_line_and_cure(text: str, said: str) -> None:
    with pytest.raises(BadCapabilities, match=said):
        parse_overrides(text)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCapabilities, match=r"gone\.toml"):
        read_overrides(tmp_path / "gone.toml")


def test_hosts_and_models_are_patterns() -> None:
    (found,) = parse_overrides(GOOD + 'off = false\nefforts = ["max", "low"]\nendpoint = "chat"')
    assert found.is_pattern
    assert found.holds("azure", "gpt9-mini", "chat")
    assert found.holds("openai", "gpt9", "")
    assert not found.holds("openai", "gpt9", "responses")
    assert not found.holds("groq", "gpt9", "chat")
    assert dict(found.changes) == {"efforts": ("low", "max"), "off": False}


def test_changes_keep_none_in_step_with_off() -> None:
    base = Capability("gpt-9", "plain_effort", ("none", "low", "high"))
    changed = apply_override(base, parse_overrides(GOOD + 'efforts = ["max"]\nout = 7')[0])
    assert (changed.efforts, changed.output_tokens) == (("none", "max"), 7)
    assert apply_override(base, parse_overrides(GOOD + "off = false")[0]).efforts == ("low", "high")
    assert apply_override(base, parse_overrides(GOOD + "budget = { min = 2, max = 9 }")[0]).budgets == (2, 9)
