"""Loading the server's engine or the training's leaves no trace of a telemetry client (docs/adr/0059)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ROOT


@pytest.mark.parametrize("module", ["serving.decision.bundle.loader", "training.export.graph"])
def test_home_stays_empty(module: str, tmp_path: Path) -> None:
    # CI turns the client off by itself: without that word it is as on an operator's machine.
    quiet = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("ORT_")}
    code = f"import {module}, onnxruntime, time; onnxruntime.SessionOptions(); time.sleep(0.5)"
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=quiet | home, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in str(path)] == []
