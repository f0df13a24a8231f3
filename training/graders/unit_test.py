"""Runs a test command on the code of an answer, in a process of its own: few rights, little time, no network.

The answer's last fenced block becomes `file` (default `answer.py`) in an empty folder, beside the check's own `files`;
`command` ends with 0 where the tests pass. What holds the code: limits on CPU time, memory, file size and open files;
an environment without secrets; a time limit that ends the whole process group; and, where the kernel allows it, user,
network, process and mount namespaces. It is a fence against bad answers, not against an attacker who knows the kernel:
to grade code from people you don't trust, run the collector in a container or a virtual machine.
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
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from training.graders.answers import fenced
from training.graders.verdict import BadCheck, Check, Verdict

_SECONDS: Final = 10.0
_MEMORY: Final = 2 << 30
_FILE: Final = 16 << 20
_LAUNCH: Final = """
import os, resource, sys
for what, most in zip(("CPU", "AS", "FSIZE", "NOFILE", "CORE"), map(int, sys.argv[1:6])):
    kind = getattr(resource, "RLIMIT_" + what)
    hard = resource.getrlimit(kind)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))
try:
    os.execvp(sys.argv[6], sys.argv[6:])
except OSError:
    sys.exit(127)
"""
"""Sets limits and becomes the command; a process of its own, since code between fork and exec is unsafe in threads."""

_ISOLATE: Final = ("unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def unit_test(check: Check, answer: str) -> Verdict:
    """Run the check's `command` on the answer; `seconds` (default 10) is all the time that it has."""
    command = check.needs("command")
    argv = ["sh", "-c", command] if isinstance(command, str) else [str(part) for part in command]
    seconds = float(check.more.get("seconds", _SECONDS))
    with tempfile.TemporaryDirectory(prefix="thinkgate-grade-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        _write(folder, {str(check.more.get("file", "answer.py")): fenced(answer), **check.more.get("files", {})})
        limits = (int(seconds) + 1, _MEMORY, _FILE, 128, 0)
        launch = [sys.executable, "-I", "-c", _LAUNCH, *map(str, limits)]
        return _run([*isolation(), *launch, *argv], folder, seconds)


@functools.cache
def isolation() -> tuple[str, ...]:
    """Give the command that cuts a process off from the network; empty where the kernel grants none."""
    if shutil.which("unshare") is None:
        return ()
    tried = subprocess.run([*_ISOLATE, "true"], capture_output=True, check=False)  # noqa: S603 - a constant
    return _ISOLATE if tried.returncode == 0 else ()


def _write(folder: Path, files: Mapping[str, Any]) -> None:
    for name, text in files.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise BadCheck(f"file {name!r} lies outside the test's folder: name it without .. or a leading /")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(text), encoding="utf-8", errors="replace")


def _run(argv: list[str], folder: Path, seconds: float) -> Verdict:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
    }
    try:
        process = subprocess.Popen(  # noqa: S603 - to run the check's command is what this is for
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
        return Verdict(0.0, "tests took too long")
    finally:
        _end(process)
    if code in (126, 127):
        raise BadCheck("test command not found: is it installed where the collector runs?")
    return Verdict(float(code == 0), "" if code == 0 else "tests failed")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group, also what the tests left running."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
