"""A real `mlflow server` with an artifact proxy, as a subprocess on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass
class Server:
    """One server on one folder; may be stopped and started again."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def on_a_free_port(cls, folder: Path) -> Server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return cls(probe.getsockname()[1], folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        store, files = self.folder / "mlflow.db", self.folder / "artifacts"
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "mlflow",
            "server",
            "--backend-store-uri",
            f"sqlite:///{store}",
        ]
        command += ["--artifacts-destination", str(files), "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--workers", "1"],
                stdout=log,
                stderr=log,
                env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
                start_new_session=True,
            )
        end = time.monotonic() + 240
        while True:
            try:
                if httpx.get(self.url + "/health").status_code == 200:
                    return
            except httpx.TransportError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < end, "mlflow server does not come up"
                time.sleep(0.2)

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, 15)  # its own session: its workers end with it
            self.process.wait(30)
            self.process = None
