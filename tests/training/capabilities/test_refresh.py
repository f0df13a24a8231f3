"""The registry is written from committed facts, and a row is explained with the sources that said it."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.decision.providers.capabilities import load_registry
from training.capabilities import contradictions, explain_row, refresh_registry
from training.capabilities import refresh as module
from training.capabilities.contradictions import NewContradiction


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "registry.json"
    path.write_bytes(module.REGISTRY.read_bytes())
    monkeypatch.setattr(module, "REGISTRY", path)
    return path


def test_the_same_facts_give_the_same_registry(registry: Path) -> None:
    before = registry.read_bytes()
    lines = list(refresh_registry(None, None, accept_contradictions=False))
    assert registry.read_bytes() == before
    assert lines[-1].startswith(load_registry().version)
    assert lines[-1].endswith("as before")


def test_a_new_contradiction_leaves_the_registry_alone(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.write_bytes(b"old")
    monkeypatch.setattr(module, "load_accepted", frozenset)
    with pytest.raises(NewContradiction, match="new contradictions among sources"):
        list(refresh_registry(None, None, accept_contradictions=False))
    assert registry.read_bytes() == b"old"


def test_contradictions_are_accepted_when_asked(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "accepted.json"
    monkeypatch.setattr(module, "save_accepted", lambda found: contradictions.save_accepted(found, path))
    registry.write_bytes(b"old")
    assert list(refresh_registry(None, None, accept_contradictions=True))[-1].endswith("changed")
    assert contradictions.load_accepted(path) == contradictions.load_accepted()


def test_a_row_names_who_said_what() -> None:
    said = {field: (value, source) for field, value, source in explain_row("openai", "gpt-5.3-codex")}
    assert said["efforts"] == ("low, medium, high, xhigh", "override")
    assert said["off_above_high"] == ("ok", "")
    assert explain_row("nowhere", "nothing").__next__() == ("family", "unknown", "")
