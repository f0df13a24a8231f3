"""The code sandbox on right, wrong and hostile code."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from training.collector.graders.base import BadCheck, Check
from training.collector.graders.code_sandbox import isolation, unit_test

PYTHON = sys.executable


TESTS = {"test_it.py": "from answer import double\nassert double(4) == 8\n"}


def run(code: str, **more: Any) -> Any:
    options = {"command": [PYTHON, "-I", "-c", "import sys; sys.path.insert(0, '.'); import test_it"], "files": TESTS}
    return unit_test(Check("unit_test", None, options | more), f"```python\n{code}\n```")


def test_code_is_run_against_its_tests() -> None:
    assert run("def double(x):\n    return 2 * x").success == 1.0
    assert run("def double(x):\n    return x").note == "tests failed"


def test_code_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    mark = f"# {tmp_path.name} of {os.getpid()}"
    child = f"import time {mark}\nwhile True: time.sleep(0.05)\n"
    code = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {child!r}])\nwhile True: pass"
    assert run(code, seconds=1.5).note == "tests took too long"
    time.sleep(0.2)
    options = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in options if any(mark in word for word in line)]


def test_code_has_no_secrets_no_memory_to_waste_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-only-a-test")
    assert run("import os\nassert 'OPENAI_API_KEY' not in os.environ\ndef double(x): return 2 * x").success == 1.0
    assert run("x = bytearray(8 << 30)\ndef double(x): return 2 * x").success == 0.0
    if isolation():
        reach = "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9), 1)\nexcept OSError as e:\n    "
        assert run(reach + "assert e.errno in (99, 101)\ndef double(x): return 2 * x").success == 1.0


def test_code_writes_nowhere_but_in_its_folder(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    code = f"open('mine', 'w').write('x')\ntry:\n    open({str(kept)!r}, 'w').write('x')\nexcept OSError: pass\n"
    assert run(code + "def double(x): return 2 * x").success == 1.0
    if isolation():
        assert kept.read_text() == "kept"


def test_files_stay_in_their_folder() -> None:
    with pytest.raises(BadCheck, match="outside"):
        run("x", files={"../escaped.py": "x"})


def test_command_that_is_not_there() -> None:
    with pytest.raises(BadCheck):
        unit_test(Check("unit_test", None, {"command": ["no-such-program-at-all"]}), "x")
