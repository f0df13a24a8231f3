"""`thinkgate capabilities` shows a model at a host with its sources, and an operator's own overrides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.decision.providers.capabilities import capabilities_version, use_capabilities
from tests.support.cli_runner import ThinkgateRunner


@pytest.fixture(autouse=True)
def _shipped_again() -> Iterator[None]:
    yield
    use_capabilities(None)


def test_show_names_fields_and_sources(thinkgate: ThinkgateRunner) -> None:
    done = thinkgate("capabilities", "show", "xai", "grok-4.5")
    assert done.code == 0, done.err
    assert capabilities_version() in done.out
    row = next(line for line in done.out.splitlines() if " efforts " in line)
    assert "low, medium, high" in row


def test_show_applies_the_operators_file(thinkgate: ThinkgateRunner, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[[model]]\nhost = "xai"\nmatch = "grok-4.5"\nefforts = ["max"]\nwhy = "our contract"\n')
    done = thinkgate("capabilities", "show", "xai", "grok-4.5", "--capabilities", str(path))
    assert " max " in next(line for line in done.out.splitlines() if " efforts " in line)


def test_a_faulty_file_ends_with_2_and_names_the_line(thinkgate: ThinkgateRunner, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[[model]]\nhost = "xai"\nmatch = "grok-4.5"\noff = "no"\nwhy = "x"\n')
    done = thinkgate("capabilities", "show", "xai", "grok-4.5", "--capabilities", str(path))
    assert done.code == 2
    assert "mine.toml, line 4" in done.err


def test_update_offline_gives_the_registry_that_is_there(thinkgate: ThinkgateRunner) -> None:
    done = thinkgate("capabilities", "update", "--offline")
    assert done.code == 0, done.err
    assert "as before" in done.out
