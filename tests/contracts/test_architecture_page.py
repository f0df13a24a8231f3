"""Every file and name that docs/architecture.md and CONTRIBUTING.md mention is there."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.support.servers import ROOT


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_paths_are_there(page: str) -> None:
    text = (ROOT / page).read_text()
    named = re.findall(r"(?<![\w/.-])((?:training|serving|tests|docs|deploy|data)/[\w./-]*)", text)
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name.rstrip(".")).exists()] == []


def test_names_are_defined_where_the_page_says() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`((?:training|serving)/[\w/]+\.py)`: `([\w.]+)`", text)
    assert len(named) > 8
    for path, name in named:
        source = (ROOT / path).read_text()
        for part in name.split("."):
            assert re.search(rf"^\s*(?:class|def|async def) {part}\b", source, re.MULTILINE), f"{path}: {name}"


def test_layers_are_those_of_the_contracts() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    lines = [line for contract in contracts for line in contract.get("layers", ())]
    assert len(lines) > 20
    for name in (name for line in lines for name in line.split(" | ")):
        assert re.search(rf"^  .*\b{name}\b", text, re.MULTILINE), name
