"""Child processes of the gateway: they end when it ends, however that comes about."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final

_PR_SET_PDEATHSIG: Final = 1
_KILL_SECONDS: Final = 5.0
_FILES: Final = 65_536


class ChildProcess:
    """One program that the gateway runs.

    It has a session of its own, so that Ctrl-C reaches the gateway alone, which ends its children in order. On Linux
    the kernel ends it when the gateway is killed.

    Parameters
    ----------
    command
        Program and arguments.
    environment
        All of its variables.
    stdout
        Where its standard output goes; the gateway's own by default.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], stdout: IO[bytes] | None = None) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own programs
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            start_new_session=True,
            preexec_fn=_end_with_parent(os.getpid()),
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """Give its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def stop(self, seconds: float) -> None:
        """Send SIGTERM, wait for so long, then kill it with all that it has started."""
        if self.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_KILL_SECONDS)


def raise_file_limit() -> None:
    """Let this process and its children have as many files open as the system allows: a call takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    # Loaded before the fork: nothing may be imported between fork and exec.
    set_option = ctypes.CDLL(None).prctl

    def ask_the_kernel() -> None:
        set_option(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask_the_kernel
