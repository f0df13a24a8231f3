"""README and documents name only what is there: files, make targets, modules, commands and their options."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from typer.main import get_command

from serving.auth import cli as keys
from serving.gateways.standalone.main import build_gateway_cli
from serving.main import build_cli
from tests.support.servers import ROOT
from training.cli.main import app

PAGES = [
    page
    for page in sorted((*ROOT.glob("*.md"), *ROOT.glob("d*/**/*.md"), *ROOT.glob("notebooks/*.md")))
    if not {".venv", "var"} & set(page.relative_to(ROOT).parts)
]
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_BLOCK = re.compile(r"```(?:bash|sh)\n(.*?)```", re.DOTALL)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
_MAKE = re.compile(r"(?:`|^|[;&] )make ([a-z][a-z-]*)", re.MULTILINE)
_MODULE = re.compile(r"python -m ((?:serving|training|tests)[\w.]*)")


def options() -> dict[str, set[str]]:
    """Every command of ours with its options."""
    found = {"thinkgate-server": _names(get_command(build_cli()))}
    for name, told in get_command(app).commands.items():  # type: ignore[attr-defined]
        found[f"thinkgate {name}"] = _names(told)
    for name, told in get_command(keys.build_keys_cli(time.time)).commands.items():  # type: ignore[attr-defined]
        found[f"thinkgate-keys {name}"] = _names(told)
    # The command passes its options on as they were typed.
    found["thinkgate gateway"] = _names(get_command(build_gateway_cli()))
    return found


def _names(command: object) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts} | {"--help"}  # type: ignore[attr-defined]


def _lines(text: str) -> list[str]:
    """Commands of the shell blocks: continued lines joined, comments cut off."""
    joined = (line for block in _BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines())
    return [part.strip() for line in joined for part in re.split(r" &(?: |$)|;|\$\(|\|", line.partition(" # ")[0])]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    links = [link for link in _LINK.findall(text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {name for name in _MAKE.findall(text) if name not in targets} == set()
    modules = [name.rstrip(".").replace(".", "/") for name in _MODULE.findall(text)]
    assert [name for name in modules if not (ROOT / f"{name}.py").exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_have_the_options_that_a_page_gives_them(page: Path) -> None:
    known = options()
    for line in _lines(page.read_text("utf-8")):
        words = line.split()
        if not words or words[0] not in ("thinkgate", "thinkgate-server", "thinkgate-keys"):
            continue
        name = words[0] if words[0] == "thinkgate-server" else " ".join(words[:2])
        assert name in known, line
        assert set(_OPTION.findall(line)) <= known[name], line


def test_options_in_the_prose_of_the_readme_are_somebodys() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    said = {name for code in re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text)) for name in _OPTION.findall(code)}
    assert len(said) > 20
    assert said - set.union(*options().values()) == set()


def test_every_decision_page_and_measurement_can_be_found() -> None:
    listed = (ROOT / "docs" / "benchmarks" / "README.md").read_text("utf-8")
    pages = {page.name for page in (ROOT / "docs" / "benchmarks").glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"]({name})" not in listed} == set()
    numbers = [page.name[:4] for page in (ROOT / "docs" / "adr").glob("[0-9]*.md")]
    assert len(set(numbers)) == len(numbers)
    assert all(len(page.read_text("utf-8").splitlines()) <= 40 for page in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
