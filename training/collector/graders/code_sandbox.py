"""Runs a test command on the code of an answer in a sandboxed subprocess: limited rights and time, no network.

The answer's last fenced block becomes `file` (default `answer.py`) in an empty folder, beside the check's own `files`;
`command` exits with 0 if the tests pass. The sandbox: limits on CPU time, memory, file size and open files;
an environment without secrets; a time limit that ends the whole process group; and, where the kernel allows it, user,
network, process and mount namespaces, in which only the folder is writable. Files stay readable. It
protects against faulty answers, not against kernel exploits: to grade untrusted code, run the collector in a container
or a virtual machine.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from training.collector.graders.answers import last_code_block
from training.collector.graders.base import BadCheck, Check, Grade

_SECONDS: Final = 10.0
_MEMORY: Final = 2 << 30
_FILE: Final = 16 << 20
_LAUNCH: Final = """
import ctypes, os, resource, sys
if sys.argv[7] == "isolated":
    here, mount = os.getcwd().encode(), ctypes.CDLL(None).mount
    flags = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
    mount(here, here, None, 4096, None)  # MS_BIND: the folder itself stays writable
    for line in open("/proc/self/mountinfo", "rb").read().splitlines():
        place, options = line.split()[4].decode("unicode_escape").encode("latin-1"), line.split()[5].decode().split(",")
        if place != here:  # MS_REMOUNT | MS_BIND | MS_RDONLY, and the flags that may not be taken away
            mount(None, place, None, 32 | 4096 | 1 | sum(flags.get(name, 0) for name in options), None)
    os.chdir(here)
for what, most in zip(("CPU", "AS", "FSIZE", "NOFILE", "CORE"), map(int, sys.argv[2:7])):
    kind = getattr(resource, "RLIMIT_" + what)
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))
try:
    os.execvp(sys.argv[8], sys.argv[8:])
except OSError:
    sys.exit(127)
"""
"""Sets limits, then executes the command; a separate process, since code between fork and exec is unsafe in threads."""

_ISOLATE: Final = ("unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def unit_test(check: Check, answer: str) -> Grade:
    """Run the check's `command` on the answer; `seconds` (default 10) is its time limit."""
    command = check.require("command")
    argv = ["sh", "-c", command] if isinstance(command, str) else [str(part) for part in command]
    seconds = float(check.options.get("seconds", _SECONDS))
    with tempfile.TemporaryDirectory(prefix="thinkgate-grade-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        answer_file = str(check.options.get("file", "answer.py"))
        _write(folder, {answer_file: last_code_block(answer), **check.options.get("files", {})})
        limits = (int(seconds) + 1, _MEMORY, _FILE, 128, 0)
        return _run([*isolation(), *_launch(limits, isolated=bool(isolation())), *argv], folder, seconds)


@functools.cache
def isolation() -> tuple[str, ...]:
    """Return the command that isolates a process from network and files; empty where the kernel does not permit it."""
    if shutil.which("unshare") is None:
        return ()
    with tempfile.TemporaryDirectory() as made, tempfile.NamedTemporaryFile() as outside:
        inside = "touch inside && ! touch " + outside.name
        command = [*_ISOLATE, *_launch((10, _MEMORY, _FILE, 128, 0), isolated=True), "sh", "-c", inside]
        tried = subprocess.run(command, cwd=made, capture_output=True, check=False)  # noqa: S603 - a constant
    return _ISOLATE if tried.returncode == 0 else ()


def _launch(limits: Sequence[int], *, isolated: bool) -> list[str]:
    return [sys.executable, "-I", "-c", _LAUNCH, "", *map(str, limits), "isolated" if isolated else "plain"]


def _write(folder: Path, files: Mapping[str, Any]) -> None:
    for name, text in files.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise BadCheck(f"file {name!r} lies outside the test's folder: name it without .. or a leading /")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(text), encoding="utf-8", errors="replace")


def _run(argv: list[str], folder: Path, seconds: float) -> Grade:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
    }
    try:
        process = subprocess.Popen(  # noqa: S603 - running the check's command is the purpose
            argv,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise BadCheck(f"test command can't be started: {error.strerror}") from None
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return Grade(0.0, "tests took too long")
    finally:
        _end(process)
    if code in (126, 127):
        raise BadCheck("test command not found: is it installed where the collector runs?")
    return Grade(float(code == 0), "" if code == 0 else "tests failed")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group, including what the tests left running."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
