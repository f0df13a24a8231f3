"""Runs a command in a process of its own and watches from outside what it takes; inside, a clock notes the stages."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

SAMPLED_EVERY = 0.2
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Watched:
    """What a process took.

    Parameters
    ----------
    cpu_seconds
        Processor time, of all its threads; unlike `seconds` it hardly depends on what else runs.
    peak_bytes
        Resident memory of the process and all its children together, sampled five times a second.
    stages
        Name and seconds, as the child's last line of output told them.
    said
        Its output before that line.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    stages: tuple[tuple[str, float], ...]
    said: str


class StageClock:
    """A progress that notes when each stage began, and how much memory was resident then."""

    def __init__(self) -> None:
        self._began: list[tuple[str, float]] = []

    def __call__(self, stage: str, done: int, total: int) -> None:
        if not self._began or self._began[-1][0] != stage:
            now = time.perf_counter()
            rss = psutil.Process().memory_info().rss / GIB
            sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {rss:5.2f} GiB  {stage}\n")
            self._began.append((stage, now))

    def tell(self) -> None:
        """Print the stages for `watch`; the last line of the output."""
        ends = [*(moment for _, moment in self._began[1:]), time.perf_counter()]
        stages = [(stage, end - start) for (stage, start), end in zip(self._began, ends, strict=True)]
        sys.stdout.write(json.dumps(stages) + "\n")


def watch(command: Sequence[str]) -> Watched:
    """Run a Python module (`-m NAME ...`) that ends with `StageClock.tell`.

    Raises
    ------
    subprocess.CalledProcessError
        It failed.
    """
    start, before, peak = time.perf_counter(), _children_cpu(), 0
    whole = [sys.executable, *command]
    with tempfile.TemporaryFile("w+") as output:
        process = psutil.Popen(whole, stdout=output)
        while process.poll() is None:
            peak = max(peak, _resident(process))
            time.sleep(SAMPLED_EVERY)
        seconds = time.perf_counter() - start
        output.seek(0)
        lines = output.read().splitlines()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, whole)
    stages = tuple((str(stage), float(taken)) for stage, taken in json.loads(lines[-1]))
    return Watched(seconds, _children_cpu() - before, peak, stages, "\n".join(lines[:-1]))


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resident(process: psutil.Process) -> int:
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass  # ended between two looks
    return total
