"""Child processes end when they are told to, when they do not listen, and when their parent is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from serving.gateways.standalone.child_process import ChildProcess
from tests.support.servers import ROOT
from tests.support.waiting import wait_until

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
PARENT = """
import os, sys, time
from serving.gateways.standalone.child_process import ChildProcess
child = ChildProcess([sys.executable, "-c", "import time; time.sleep(600)"], os.environ)
print(child.pid, flush=True)
time.sleep(600)
"""


def started(folder: Path, command: list[str]) -> ChildProcess:
    out = folder / "out"
    with out.open("wb") as output:
        child = ChildProcess(command, os.environ, output)
    wait_until(lambda: out.read_text() == "up\n")
    return child


def test_it_has_a_session_of_its_own_and_ends_when_told(tmp_path: Path) -> None:
    child = started(tmp_path, SLEEPER)
    assert os.getsid(child.pid) == child.pid  # Ctrl-C does not reach it
    assert child.poll() is None
    child.stop(10)
    assert child.poll() == -signal.SIGTERM
    child.stop(10)  # again: nothing happens


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    child = started(tmp_path, [sys.executable, "-c", DEAF])
    begin = time.monotonic()
    child.stop(0.3)
    assert child.poll() == -signal.SIGKILL
    assert time.monotonic() - begin > 0.3


def test_the_environment_is_the_one_that_was_given(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("wb") as output:
        child = ChildProcess(["/usr/bin/env"], {"ONLY": "this"}, output)
    wait_until(lambda: child.poll() == 0)
    assert out.read_text() == "ONLY=this\n"


def test_children_may_open_as_many_files_as_the_system_allows() -> None:
    """In a process of its own: a limit that was lowered here would stay."""
    code = (
        "import resource; from serving.gateways.standalone.child_process import raise_file_limit\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)); raise_file_limit()\n"
        "wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (wanted, hard)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)


def test_a_killed_parent_takes_it_along() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait(10)
    assert psutil.wait_procs([child], 20)[1] == []
