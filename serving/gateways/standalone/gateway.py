"""Runs the gateway: starts server and Envoy, restarts what dies, ends both in order."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from serving.decision import ThinkgateError
from serving.gateways.standalone.child_process import ChildProcess, raise_file_limit
from serving.gateways.standalone.envoy_admin import EnvoyAdmin
from serving.gateways.standalone.envoy_config import GatewayConfig, envoy_config, to_json
from serving.gateways.standalone.stop_signals import StopSignals
from serving.gateways.standalone.upstreams import Upstream

logger = logging.getLogger("thinkgate.gateway")

_START_SECONDS: Final = 120.0
_TICK_SECONDS: Final = 0.05
_LOOK_SECONDS: Final = 0.2
_STOP_SECONDS: Final = 5.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
_STEADY_SECONDS: Final = 60.0
_THREADS: Final = 4
_READY: Final = re.compile(r"http://\S+?:(?P<api>\d+)\b.*gRPC at \S+:(?P<grpc>\d+)", re.DOTALL)
_NOT_INHERITED: Final = ("HOST", "HTTP_PORT", "GRPC_PORT", "UDS", "TLS_CERT", "TLS_KEY", "TLS_CLIENT_CA", "KEYS")
"""Settings of the server that would keep Envoy from reaching it."""


class GatewayFailed(ThinkgateError):
    """A part of the gateway did not start; the message says what to look at."""


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """What to run.

    Parameters
    ----------
    address, port
        Where clients connect: IP address and port.
    api_port
        Of thinkgate's own HTTP API, on 127.0.0.1; 0 picks a free one.
    envoy
        The binary.
    server_options
        Further options of `thinkgate-server`.
    drain_seconds
        How long open calls may finish at the end.
    """

    address: str
    port: int
    api_port: int
    upstreams: Sequence[Upstream]
    ca_bundle: Path
    envoy: Path
    server_options: Sequence[str]
    access_log: bool = True
    drain_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class ServerPorts:
    """Ports of the running server, on 127.0.0.1."""

    api: int
    grpc: int


def run_gateway(options: GatewayOptions, on_ready: Callable[[ServerPorts], None]) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP.

    Parameters
    ----------
    on_ready
        Called once when calls are taken.

    Returns
    -------
    int
        Exit code: 0 after an orderly end; the server's own where it refuses to start (it has said why).

    Raises
    ------
    GatewayFailed
        Envoy does not start, or keeps dying.
    """
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="thinkgate-") as folder, StopSignals() as signals:
        gateway = _Gateway(options, Path(folder), signals)
        try:
            return gateway.run(on_ready)
        finally:
            gateway.stop()


@dataclass
class _Restarts:
    """Pauses between the starts of one child: doubled while it keeps dying."""

    pause_seconds: float = _LOOK_SECONDS
    started: float = field(default_factory=time.monotonic)
    due: float | None = None

    def note_death(self) -> float:
        now = time.monotonic()
        steady = now - self.started > _STEADY_SECONDS
        self.pause_seconds = _LOOK_SECONDS if steady else min(2 * self.pause_seconds, _LONGEST_PAUSE_SECONDS)
        self.due = now + self.pause_seconds
        return self.pause_seconds

    def note_start(self) -> None:
        self.started, self.due = time.monotonic(), None


class _Gateway:
    def __init__(self, options: GatewayOptions, folder: Path, signals: StopSignals) -> None:
        self._options, self._folder, self._signals = options, folder, signals
        self._admin = EnvoyAdmin(folder / "admin.sock")
        self._server: ChildProcess | None = None
        self._envoy: ChildProcess | None = None
        self._ports = ServerPorts(options.api_port, 0)

    def run(self, on_ready: Callable[[ServerPorts], None]) -> int:
        self._start_server()
        code = self._await(self._read_ports, self._server)
        if code is not None:
            return code
        self._start_envoy()
        code = self._await(self._admin.is_ready, self._envoy)
        if code is not None:
            if self._signals.count:
                return 0
            raise GatewayFailed(f"Envoy ({self._options.envoy}) ended with code {code}; what it said is above")
        on_ready(self._ports)
        self._watch()
        return 0

    def stop(self) -> None:
        """End Envoy once its calls are done, then the server, which still gets their outcomes."""
        if self._envoy is not None and self._envoy.poll() is None:
            self._drain()
            self._envoy.stop(_STOP_SECONDS)
        if self._server is not None:
            self._server.stop(self._options.drain_seconds + _STOP_SECONDS)

    def _start_server(self) -> None:
        options = self._options
        command = [sys.executable, "-P", "-m", "serving.main", *options.server_options, "--host", "127.0.0.1"]
        command += ["--http-port", str(self._ports.api), "--grpc-port", str(self._ports.grpc)]
        command += ["--drain-seconds", str(options.drain_seconds)]
        with self._announcement.open("wb") as output:
            self._server = ChildProcess(command, server_environment(os.environ), output)

    def _start_envoy(self) -> None:
        options = self._options
        config = GatewayConfig(
            options.address,
            options.port,
            self._ports.grpc,
            self._folder / "admin.sock",
            options.upstreams,
            options.ca_bundle,
            options.access_log,
        )
        path = self._folder / "envoy.json"
        path.write_bytes(to_json(envoy_config(config)))
        threads = min(len(os.sched_getaffinity(0)), _THREADS) if hasattr(os, "sched_getaffinity") else _THREADS
        command = [str(options.envoy), "-c", str(path), "--concurrency", str(threads), "--disable-hot-restart"]
        # `main` warns of each SIGTERM that it is sent.
        command += ["--log-level", "warning", "--component-log-level", "main:error", "--log-format", "envoy %l: %v"]
        self._envoy = ChildProcess(command, os.environ)

    @property
    def _announcement(self) -> Path:
        return self._folder / "server.out"

    def _read_ports(self) -> bool:
        found = _READY.search(self._announcement.read_text())
        if found is not None:
            self._ports = ServerPorts(int(found["api"]), int(found["grpc"]))
        return found is not None

    def _await(self, is_ready: Callable[[], bool], child: ChildProcess | None) -> int | None:
        """Wait until a child is ready; give an exit code where it ends instead, 0 where a stop was asked for."""
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            code = None if child is None else child.poll()
            if code is not None:
                return code or 1
            if is_ready():
                return None
            if self._signals.wait(_TICK_SECONDS):
                return 0
        raise GatewayFailed(
            f"a part of the gateway was not ready after {_START_SECONDS:g} s: try again, or see its log"
        )

    def _watch(self) -> None:
        """Start again what dies; without the server calls pass undecided, without Envoy none does."""
        server, envoy = _Restarts(), _Restarts()
        while not self._signals.wait(_LOOK_SECONDS):
            self._revive(self._server, server, "the server", self._start_server)
            self._revive(self._envoy, envoy, "Envoy", self._start_envoy)
            if envoy.pause_seconds >= _LONGEST_PAUSE_SECONDS:
                raise GatewayFailed("Envoy dies again and again; what it said is above")

    def _revive(self, child: ChildProcess | None, restarts: _Restarts, name: str, start: Callable[[], None]) -> None:
        code = None if child is None else child.poll()
        if code is None:
            return
        if restarts.due is None:
            pause = restarts.note_death()
            logger.warning("%s ended with %d; next start in %g s", name, code, pause)
        elif time.monotonic() >= restarts.due:
            restarts.note_start()
            start()

    def _drain(self) -> None:
        """Let open calls finish, unless the time is up or a second signal asks for haste."""
        self._admin.stop_listening()
        end = time.monotonic() + self._options.drain_seconds
        seen = self._signals.count
        while self._signals.count <= max(seen, 1) and time.monotonic() < end and self._admin.open_calls():
            self._signals.pause(_LOOK_SECONDS)


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Give the server's variables: all but those that would keep Envoy from reaching it.

    Examples
    --------
    >>> server_environment({"PATH": "/bin", "THINKGATE_KEYS": "keys.toml", "THINKGATE_FALLBACK": "prior"})
    {'PATH': '/bin', 'THINKGATE_FALLBACK': 'prior'}
    """
    left_out = {f"THINKGATE_{name}" for name in _NOT_INHERITED}
    return {name: value for name, value in environment.items() if name not in left_out}
