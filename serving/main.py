"""The composition root of `thinkgate-server`: reads the settings, puts the parts together and serves."""

from __future__ import annotations

import gc
import inspect
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic.fields import FieldInfo
from typer.exceptions import TyperException

from serving.bootstrap import build_worker
from serving.components import SharedState, WorkerComponents
from serving.decision.errors import ThinkgateError
from serving.gateways.envoy_exchange import ExchangeServices
from serving.gateways.envoy_processor import EXTERNAL_PROCESSOR, ExtProcServicer
from serving.grpc_api.metrics_interceptor import MetricsInterceptor
from serving.grpc_api.servicers import DECISIONS, OUTCOMES, DecisionServicer, OutcomeServicer
from serving.http_api.app import build_api
from serving.http_api.auth_middleware import NEEDS, require_key
from serving.http_api.metrics_middleware import count_calls
from serving.journal.factory import ALONE, WorkerSlot
from serving.server.grpc_server import GrpcOptions, GrpcServer, TlsFiles
from serving.server.http_server import Companion, Readiness, ServerOptions, serve_worker
from serving.server.sockets import address_url, open_tcp, open_unix, require_free
from serving.server.supervisor import Supervisor, WorkerStart
from serving.server.tls import server_context
from serving.settings import Settings, option, read_settings
from serving.telemetry.log_setup import start_logging
from serving.telemetry.shared_board import SharedBoard

_NAME: Final = "thinkgate-server"
_BAD_INPUT: Final = 2
_SWITCH_SECONDS: Final = 0.0005
_FULL_COLLECTIONS: Final = 1000
"""Collections of the middle generation for each full one; Python's own figure is 10."""
_FRAME_BYTES: Final = 1024
"""What a message may hold beside a body of the largest size."""


def main() -> None:
    """Run the command line; every error is one line on stderr that names its cure, with exit code 2."""
    try:
        code = build_cli()(prog_name=_NAME, standalone_mode=False)
    except TyperException as error:
        code = _complain(f"{error.format_message()} ({_NAME} --help lists the options)")
    except ThinkgateError as error:
        code = _complain(str(error))
    sys.exit(code)


def build_cli() -> typer.Typer:
    """Build the command line: one option per setting, so that the two can't differ."""
    parameters = [_parameter(name, told) for name, told in Settings.model_fields.items()]
    serve.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    serve.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    app.command(
        help="Answers, for every request to an LLM gateway: does reasoning mode pay for this one?",
        epilog="Every option is also a variable: --http-port is THINKGATE_HTTP_PORT. An option wins.",
    )(serve)
    return app


def _parameter(name: str, told: FieldInfo) -> inspect.Parameter:
    panel = told.json_schema_extra["panel"] if isinstance(told.json_schema_extra, dict) else None
    default = "" if told.default in (None, False) else f" Default: {told.default}."
    taken = typer.Option(option(name), help=f"{told.description}{default}", rich_help_panel=str(panel))
    kind: Any = told.annotation
    optional: Any = Annotated[kind | None, taken]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=optional)


def serve(**chosen: object) -> int:
    """Serve; the options are the fields of `Settings`."""
    settings = read_settings({name: value for name, value in chosen.items() if value is not None})
    start_logging(settings.log_level, settings.log_format, sys.stderr)
    with _hold_grpc(settings) as grpc_address:
        shared = SharedState(grpc_address=grpc_address, board=SharedBoard(settings.processes))
        if settings.uds is not None:
            return _serve_unix(settings, settings.uds, shared)
        return _serve_tcp(settings, shared)


@contextmanager
def _hold_grpc(settings: Settings) -> Iterator[str | None]:
    """Hold gRPC's port, so that its number is known and nobody takes it; gRPC shares it and listens by itself."""
    if settings.grpc_port is None:
        yield None
        return
    require_free(settings.host, settings.grpc_port)
    with open_tcp(settings.host, settings.grpc_port, shared=True) as held:
        host, port = held.getsockname()[:2]
        yield address_url(host, port).removeprefix("http://")


def _serve_tcp(settings: Settings, shared: SharedState) -> int:
    """Serve on a TCP port: one process on a socket of its own, or several that share the port."""
    several = settings.processes > 1
    if several:
        require_free(settings.host, settings.http_port)
    # Where workers share the port this socket only holds it: they bind their own, and the kernel spreads the load.
    with open_tcp(settings.host, settings.http_port, shared=several) as held:
        port: int = held.getsockname()[1]
        address = address_url(settings.host, port)
        if settings.tls_cert is not None:
            address = address.replace("http://", "https://")
        greeting = f"{_NAME} is ready at {address} (try {address}/docs){_and_grpc(shared)}"
        if not several:
            return run_worker(settings, shared, held, _options(settings), _say(greeting))

        def open_own() -> socket.socket:
            held.close()
            return open_tcp(settings.host, port, shared=True)

        return _supervise(settings, shared, open_own, f"{greeting}, {settings.processes} workers")


def _serve_unix(settings: Settings, path: Path, shared: SharedState) -> int:
    """Serve on a Unix socket; several workers accept from the same one."""
    listener = open_unix(path)
    greeting = f"{_NAME} is ready at {path} (try curl --unix-socket {path} http://localhost/v1/model)"
    greeting += _and_grpc(shared)
    try:
        if settings.processes > 1:
            return _supervise(settings, shared, lambda: listener, f"{greeting}, {settings.processes} workers")
        return run_worker(settings, shared, listener, _options(settings), _say(greeting))
    finally:
        listener.close()
        path.unlink(missing_ok=True)


def _supervise(settings: Settings, shared: SharedState, open_socket: Callable[[], socket.socket], greeting: str) -> int:
    def worker(start: WorkerStart) -> int:
        try:
            seat = WorkerSlot(start.number, settings.processes)
            return run_worker(settings, shared, open_socket(), _options(settings, start.lifeline), start.on_ready, seat)
        except ThinkgateError as error:
            return _complain(str(error))

    return Supervisor(worker, settings.processes, settings.drain_seconds, _say(greeting)).run()


def run_worker(
    settings: Settings,
    shared: SharedState,
    listener: socket.socket,
    options: ServerOptions,
    on_ready: Callable[[], None],
    seat: WorkerSlot = ALONE,
) -> int:
    """Live one worker's life; give its exit code."""
    # The journal's thread must not hold the interpreter for its usual 5 ms while a request waits.
    sys.setswitchinterval(_SWITCH_SECONDS)
    parts = build_worker(settings, shared, seat)
    readiness = Readiness()
    took = parts.metrics.observe_duration
    api = build_api(parts.guard, parts.limits, readiness, version("thinkgate"), parts.routes, took)
    api = count_calls(require_key(api, parts.authorizer), parts.registry, NEEDS)
    # What is loaded by now stays for good: the collector need not walk it again and again.
    gc.collect()
    gc.freeze()
    # Walking all that the worker remembers stops it for tens of milliseconds. What is garbage has long gone by then.
    gc.set_threshold(*gc.get_threshold()[:2], _FULL_COLLECTIONS)
    companions = () if shared.grpc_address is None else _grpc(settings, parts, shared.grpc_address)
    try:
        serve_worker(api, [listener], options, readiness, on_ready, parts.each_second, companions, parts.load)
    finally:
        parts.close()
    return 0


def _grpc(settings: Settings, parts: WorkerComponents, address: str) -> tuple[Companion, ...]:
    tls = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        tls = TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    tools = ExchangeServices(parts.guard, time.monotonic, time.time, settings.max_body_bytes)
    envoy = ExtProcServicer(tools, None if parts.journal is None else parts.desk)
    services = {
        DECISIONS: DecisionServicer(parts.guard, parts.limits).handler(),
        OUTCOMES: OutcomeServicer(parts.desk, parts.limits, time.time).handler(),
        EXTERNAL_PROCESSOR: envoy.handler(),
    }
    options = GrpcOptions(address, settings.max_body_bytes + _FRAME_BYTES, tls)
    return GrpcServer(options, services, parts.authorizer, MetricsInterceptor(parts.registry)), envoy


def _and_grpc(shared: SharedState) -> str:
    return "" if shared.grpc_address is None else f", gRPC at {shared.grpc_address}"


def _options(settings: Settings, lifeline: int | None = None) -> ServerOptions:
    tls = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        tls = server_context(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    return ServerOptions(settings.drain_seconds, settings.keep_alive_seconds, lifeline, tls)


def _say(greeting: str) -> Callable[[], None]:
    return lambda: typer.echo(greeting)


def _complain(message: str) -> int:
    typer.echo(f"{_NAME}: {message}", err=True)
    return _BAD_INPUT


if __name__ == "__main__":
    main()
