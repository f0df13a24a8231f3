"""Starts the real LiteLLM proxy, in a virtual environment of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.servers import ROOT, free_ports

CONSTRAINTS = ROOT / "deploy" / "litellm" / "constraints.txt"
WANTED = "litellm[proxy]==1.106.2"
KEY = "sk-only-a-test"


def environment() -> Path:
    """Give the folder of LiteLLM's own virtual environment; made once, and again when what belongs in it changes."""
    digest = hashlib.sha256(WANTED.encode() + CONSTRAINTS.read_bytes()).hexdigest()[:12]
    folder = ROOT / "var" / f"litellm-{digest}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--constraint", str(CONSTRAINTS)]
        subprocess.run([*command, WANTED], check=True, timeout=540)
        (folder / "complete").touch()
    return folder


@contextmanager
def litellm_proxy(folder: Path, variables: Mapping[str, str], *options: str) -> Iterator[str]:
    """Run the proxy on `config.yaml` of a folder while the block runs; gives its URL."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    own = {"LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONWARNINGS": "ignore"}
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(environment() / "bin" / "litellm"), "--config", "config.yaml", "--host", "127.0.0.1"]
    with (folder / "litellm.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), *options],
            cwd=folder,
            env={**inherited, **own, **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_ready(process, url, folder / "litellm.log")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if httpx.get(url + "/health/liveliness", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-3000:])
