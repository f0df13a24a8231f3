"""Starts `thinkgate gateway` as a user would, with all that it writes in one folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.servers import ROOT
from tests.support.waiting import wait_until


@dataclass
class RunningGateway:
    """A gateway that takes calls, and the folder with everything that it writes."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: str
    api: str

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    def children(self) -> dict[str, psutil.Process]:
        """Its children by the name of their program."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return {"envoy" if "envoy" in each.name() else "server": each for each in found}

    def text(self) -> str:
        return (self.folder / "out.txt").read_text() + (self.folder / "err.txt").read_text()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def run_gateway_command(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start the command; standard output and error go to files."""
    (folder / "tmp").mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("THINKGATE_")}
    environment |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp"), "COLUMNS": "160"}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "training.cli.main", "gateway", *options]
    with (folder / "out.txt").open("wb") as out, (folder / "err.txt").open("wb") as err:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)


def start_gateway(folder: Path, *options: str) -> RunningGateway:
    """Start it on free ports and wait until it says that it is ready."""
    ports = ("--port", "0", "--api-port", "0")
    process = run_gateway_command(folder, *ports, *options)
    gateway = RunningGateway(process, folder, "", "")
    wait_until(lambda: "own API" in gateway.text() or process.poll() is not None, 60, "the gateway said nothing")
    assert process.poll() is None, gateway.text()
    found = re.findall(r"http://127\.0\.0\.1:\d+", (folder / "out.txt").read_text())
    gateway.url, gateway.api = found[0], found[-1]
    return gateway
