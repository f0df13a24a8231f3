"""The supervisor of worker processes, with workers that only write down what happens to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.servers import ROOT

PROLOGUE = """
import os, signal, sys, time
from serving.server.supervisor import Supervisor

folder = sys.argv[1]

def note(text):
    with open(f"{folder}/log", "a") as log:
        log.write(text + "\\n")

def wait_for_end(start):
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    start.on_ready()
    while not ended:
        time.sleep(0.01)
    note(f"{start.number} drained")
    return 0
"""


class Process:
    """A supervisor in a process of its own, which runs `work` in two workers."""

    def __init__(self, folder: Path, work: str, drain_seconds: float = 5.0) -> None:
        self._log = folder / "log"
        self._log.touch()
        run = f'sys.exit(Supervisor(work, 2, {drain_seconds}, lambda: note("ready")).run())'
        program = PROLOGUE + textwrap.dedent(work) + "\n" + run
        command = [sys.executable, "-c", program, str(folder)]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)

    def lines(self) -> list[str]:
        return self._log.read_text().splitlines()

    def await_lines(self, enough: Callable[[list[str]], bool]) -> list[str]:
        end = time.monotonic() + 60
        while not enough(self.lines()):
            assert time.monotonic() < end, self.lines()
            time.sleep(0.01)
        return self.lines()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        self.process.communicate(timeout=60)
        return self.process.returncode


def test_parent_is_ready_when_all_workers_are_and_drains_them(tmp_path: Path) -> None:
    work = """
    def work(start):
        note(f"{start.number} starts")
        time.sleep(0.1)
        return wait_for_end(start)
    """
    parent = Process(tmp_path, work)
    lines = parent.await_lines(lambda found: "ready" in found)
    assert lines == ["0 starts", "1 starts", "ready"]  # one after the other
    assert parent.end() == 0
    assert sorted(parent.lines()[3:]) == ["0 drained", "1 drained"]


def test_worker_that_is_killed_is_started_again_under_its_number(tmp_path: Path) -> None:
    work = """
    def work(start):
        note(f"{start.number} {os.getpid()}")
        return wait_for_end(start)
    """
    parent = Process(tmp_path, work)
    lines = parent.await_lines(lambda found: "ready" in found)
    os.kill(int(lines[1].split()[1]), signal.SIGKILL)
    again = parent.await_lines(lambda found: len(found) == 4)[3]
    assert again.startswith("1 ")
    assert again != lines[1]
    assert parent.end() == 0


def test_first_worker_that_does_not_start_ends_all_with_its_code(tmp_path: Path) -> None:
    work = """
    def work(start):
        note(f"{start.number} fails")
        return 2
    """
    parent = Process(tmp_path, work)
    assert parent.wait() == 2
    assert parent.lines() == ["0 fails"]  # reported once, not by each worker


def test_workers_that_keep_dying_are_given_up(tmp_path: Path) -> None:
    work = """
    def work(start):
        if os.path.exists(f"{folder}/started"):
            os._exit(3)
        if start.number == 1:
            open(f"{folder}/started", "w").close()
            start.on_ready()
            return 3
        return wait_for_end(start)
    """
    parent = Process(tmp_path, work)
    assert parent.wait() == 1
    assert "0 drained" in parent.lines()


def test_worker_that_does_not_drain_is_killed(tmp_path: Path) -> None:
    work = """
    def work(start):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        start.on_ready()
        time.sleep(600)
    """
    parent = Process(tmp_path, work, drain_seconds=-2.5)  # killed after drain_seconds + 3
    parent.await_lines(lambda found: "ready" in found)
    started = time.monotonic()
    assert parent.end() == 0
    assert time.monotonic() - started < 30


def test_lifeline_ends_when_the_parent_is_gone(tmp_path: Path) -> None:
    work = """
    def work(start):
        start.on_ready()
        assert os.read(start.lifeline, 1) == b""
        note(f"{start.number} orphaned")
        return 0
    """
    parent = Process(tmp_path, work)
    parent.await_lines(lambda found: "ready" in found)
    parent.process.kill()
    lines = parent.await_lines(lambda found: len(found) == 3)
    assert sorted(lines[1:]) == ["0 orphaned", "1 orphaned"]
    parent.wait()
