"""Starts a real LiteLLM proxy, in a virtual environment of its own, with thinkgate's callback installed by pip."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import httpx

from tests.support.servers import ROOT, free_ports

DEPLOY = ROOT / "deploy" / "litellm"
Version = Literal["pinned", "current"]
VERSIONS: tuple[Version, ...] = ("pinned", "current")
KEY = "sk-only-a-test"
_INSTALLED: Mapping[Version, tuple[str, ...]] = {
    "pinned": ("litellm[proxy]==1.106.2", "--constraint", str(DEPLOY / "constraints.txt")),
    "current": ("--no-deps", "--requirement", str(DEPLOY / "requirements-current.txt")),
}


def environment(version: Version = "pinned") -> Path:
    """Give the folder of a LiteLLM's own virtual environment; made once, and again when what belongs in it changes."""
    wanted = _INSTALLED[version]
    digest = hashlib.sha256(wanted[0].encode() + Path(wanted[-1]).read_bytes()).hexdigest()[:12]
    folder = ROOT / "var" / f"litellm-{digest}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *wanted]
        subprocess.run(command, check=True, timeout=540)
        (folder / "complete").touch()
    return folder


@cache
def install_callback() -> Path:
    """Install thinkgate-litellm from the checkout, once; gives its folder, for PYTHONPATH."""
    folder = Path(tempfile.mkdtemp(prefix="thinkgate-litellm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    python = environment() / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(DEPLOY)]
    subprocess.run(command, check=True, timeout=300)
    return folder


@contextmanager
def litellm_proxy(
    folder: Path, variables: Mapping[str, str], *options: str, version: Version = "pinned"
) -> Iterator[str]:
    """Run the proxy on `config.yaml` of a folder while the block runs; gives its URL."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    own = {"LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONWARNINGS": "ignore"}
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(environment(version) / "bin" / "litellm"), "--config", "config.yaml", "--host", "127.0.0.1"]
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
    end = time.monotonic() + 300
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if httpx.get(url + "/health/liveliness", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-3000:])
