"""The demo with a trained bundle at hand: a real server is started on a free port of the loopback interface."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import training.demo.run as module
from tests.support.small_training import trained
from training.demo.run import ASKED, ServerNotResponding, run_demo
from training.pipeline import Trained
from training.progress import silent
from training.promotion import Version


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Trained:
    """A training run that is there already, as version 1 of a registry."""
    found = replace(trained(), version=Version("thinkgate", "1", "run"))
    monkeypatch.setattr(module, "train", lambda *_: found)
    monkeypatch.setattr(module, "HELD_OUT", 200)
    return found


def test_it_serves_decides_and_compares(made: Trained, tmp_path: Path) -> None:
    console = Console(width=160, file=StringIO(), no_color=True)
    with console.capture() as caught:
        for part in run_demo(tmp_path / "demo", 300, silent):
            console.print(part)
    shown = " ".join(caught.get().split())
    for task in ("maths", "planning", "extraction", "summarising"):
        assert task in ASKED
        assert f"({task}, " in shown
    for word in ("always direct", "always reasoning", "thinkgate keeps", "oracle", "SYNTHETIC", "models:/thinkgate/1"):
        assert word in shown
    assert str(made.exported.path) in caught.get().replace("\n", "")
    assert (tmp_path / "demo" / "history.parquet").is_file()


def test_a_server_that_ends_is_named_with_its_log(
    made: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nothing").mkdir()
    broken = replace(made, exported=replace(made.exported, path=tmp_path / "nothing"))
    monkeypatch.setattr(module, "train", lambda *_: broken)
    with pytest.raises(ServerNotResponding, match=r"server\.log"):
        run_demo(tmp_path / "demo", 300, silent)
