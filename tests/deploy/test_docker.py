"""Dockerfiles: a linter finds nothing, nobody is root, and nothing is copied that an image should not hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.servers import ROOT, start_server, stop_server

FOLDER = ROOT / "deploy" / "docker"
FILES = sorted(FOLDER.glob("*.Dockerfile"))


def _instructions(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", path.read_text()))
    return [(word, rest) for word, _, rest in (line.strip().partition(" ") for line in text.splitlines()) if word]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_linter_finds_nothing(path: Path) -> None:
    ended = subprocess.run(
        [Path(sys.executable).parent / "hadolint", "--failure-threshold", "style", path], capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nobody_is_root(path: Path) -> None:
    instructions = _instructions(path)
    final = instructions[[word for word, _ in instructions].index("FROM", 1) :]
    assert [rest for word, rest in final if word == "USER"] == ["10001:10001"]
    assert final[-1][0] in ("ENTRYPOINT", "CMD")
    assert any(word == "HEALTHCHECK" for word, _ in final)
    assert not any(word in ("ADD", "ARG") for word, _ in instructions)


def test_server_image_has_no_training_dependency() -> None:
    installs = [
        rest for word, rest in _instructions(FOLDER / "server.Dockerfile") if word == "RUN" and "install" in rest
    ]
    assert any(" . " in f"{rest} " for rest in installs)
    assert not any("[" in rest for rest in installs)


def test_what_is_copied_is_there_and_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for path in FILES:
        for word, rest in _instructions(path):
            if word == "COPY" and not rest.startswith("--from"):
                for source in rest.split()[:-1]:
                    assert (ROOT / source).exists(), source
                    assert source in allowed, source


def test_compose_takes_every_privilege_away() -> None:
    (service,) = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["environment"]["THINKGATE_KEYS"]


def test_health_check_knows_a_ready_server() -> None:
    running = start_server()

    def check() -> int:
        environment = {**os.environ, "THINKGATE_HTTP_PORT": running.url.rpartition(":")[2]}
        command = [sys.executable, FOLDER / "healthcheck.py"]
        return subprocess.run(command, env=environment, capture_output=True).returncode

    try:
        assert check() == 0
        running.end()
        assert check() == 1
    finally:
        stop_server(running)
