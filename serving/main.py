"""The command `thinkgate-server`: reads the settings, opens the sockets and runs the workers."""

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
from serving.decision import ThinkgateError
from serving.gateways import EXTERNAL_PROCESSOR, ExchangeServices, ExtProcServicer
from serving.grpc_api import DECISIONS, OUTCOMES, DecisionServicer, MetricsInterceptor, OutcomeServicer
from serving.http_api import PATH_SCOPES, App, build_api, count_calls, require_key
from serving.journal import ALONE, WorkerSlot
from serving.server import (
    CompanionServer,
    GrpcOptions,
    GrpcServer,
    Readiness,
    ServerOptions,
    Supervisor,
    TlsFiles,
    WorkerStart,
    address_url,
    open_tcp,
    open_unix,
    require_free,
    serve_worker,
    server_context,
)
from serving.settings import Settings, option, read_settings
from serving.telemetry import SharedBoard, collect_replies, start_logging

_NAME: Final = "thinkgate-server"
_BAD_INPUT: Final = 2
"""Exit code."""
_SWITCH_SECONDS: Final = 0.0005
_FULL_COLLECTIONS: Final = 1000
"""Collections of the middle generation for each full one; Python's own figure is 10."""
_ENVOY_PIECE_BYTES: Final = 16 * 2**20
"""Largest message that is taken from Envoy, which sends as much of a body at once as its own buffer holds."""


def main() -> None:
    """Run the command line; an error is one line on stderr that names its cure, and exit code 2."""
    try:
        code = build_cli()(prog_name=_NAME, standalone_mode=False)
    except TyperException as error:
        code = _print_error(f"{error.format_message()} ({_NAME} --help lists the options)")
    except ThinkgateError as error:
        code = _print_error(str(error))
    sys.exit(code)


def build_cli() -> typer.Typer:
    """Build the command line: one option per setting, so that the two can't differ."""
    parameters = [_parameter(name, field) for name, field in Settings.model_fields.items()]
    serve.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    serve.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    app.command(
        help="Answers, for every request to an LLM gateway: does reasoning mode pay for this one?",
        epilog="Every option is also a variable: --http-port is THINKGATE_HTTP_PORT. An option wins.",
    )(serve)
    return app


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    panel = field.json_schema_extra["panel"] if isinstance(field.json_schema_extra, dict) else None
    default = "" if field.default in (None, False) else f" Default: {field.default}."
    typer_option = typer.Option(option(name), help=f"{field.description}{default}", rich_help_panel=str(panel))
    kind: Any = field.annotation
    optional: Any = Annotated[kind | None, typer_option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=optional)


def serve(**options: object) -> int:
    """Serve until SIGTERM or SIGINT; the options are the fields of `Settings`."""
    settings = read_settings({name: value for name, value in options.items() if value is not None})
    start_logging(settings.log_level, settings.log_format, sys.stderr)
    with _reserve_grpc_port(settings) as grpc_address:
        shared = SharedState(grpc_address=grpc_address, board=SharedBoard(settings.processes))
        if settings.uds is not None:
            return _serve_unix(settings, settings.uds, shared)
        return _serve_tcp(settings, shared)


@contextmanager
def _reserve_grpc_port(settings: Settings) -> Iterator[str | None]:
    """Reserve gRPC's port and give its address; the gRPC servers of the workers bind it too and listen."""
    if settings.grpc_port is None:
        yield None
        return
    require_free(settings.host, settings.grpc_port)
    with open_tcp(settings.host, settings.grpc_port, shared=True) as reserved:
        host, port = reserved.getsockname()[:2]
        yield address_url(host, port).removeprefix("http://")


def _serve_tcp(settings: Settings, shared: SharedState) -> int:
    """Serve on a TCP port: one process on one socket, or several workers that share the port."""
    several = settings.processes > 1
    if several:
        require_free(settings.host, settings.http_port)
    # With several workers this socket only reserves the port: each binds its own, and the kernel spreads the load.
    with open_tcp(settings.host, settings.http_port, shared=several) as listener:
        port: int = listener.getsockname()[1]
        address = address_url(settings.host, port)
        if settings.tls_cert is not None:
            address = address.replace("http://", "https://")
        message = f"{_NAME} is ready at {address} (try {address}/docs){_grpc_part(shared)}"
        if not several:
            return run_worker(settings, shared, listener, _server_options(settings), _announce(message))

        def open_own_socket() -> socket.socket:
            listener.close()
            return open_tcp(settings.host, port, shared=True)

        return _supervise(settings, shared, open_own_socket, message)


def _serve_unix(settings: Settings, path: Path, shared: SharedState) -> int:
    """Serve on a Unix socket; several workers accept from the same one."""
    listener = open_unix(path)
    message = f"{_NAME} is ready at {path} (try curl --unix-socket {path} http://localhost/v1/model)"
    message += _grpc_part(shared)
    try:
        if settings.processes > 1:
            return _supervise(settings, shared, lambda: listener, message)
        return run_worker(settings, shared, listener, _server_options(settings), _announce(message))
    finally:
        listener.close()
        path.unlink(missing_ok=True)


def _supervise(settings: Settings, shared: SharedState, open_socket: Callable[[], socket.socket], message: str) -> int:
    """Run several workers under a supervisor that restarts them."""

    def run(start: WorkerStart) -> int:
        slot = WorkerSlot(start.number, settings.processes)
        try:
            options = _server_options(settings, start.lifeline)
            return run_worker(settings, shared, open_socket(), options, start.on_ready, slot)
        except ThinkgateError as error:
            return _print_error(str(error))

    on_ready = _announce(f"{message}, {settings.processes} workers")
    return Supervisor(run, settings.processes, settings.drain_seconds, on_ready).run()


def run_worker(
    settings: Settings,
    shared: SharedState,
    listener: socket.socket,
    options: ServerOptions,
    on_ready: Callable[[], None],
    slot: WorkerSlot = ALONE,
) -> int:
    """Serve with one worker until it is told to end; give its exit code."""
    # The journal's thread must not hold the interpreter for its usual 5 ms while a request waits.
    sys.setswitchinterval(_SWITCH_SECONDS)
    components = build_worker(settings, shared, slot)
    readiness = Readiness()
    api = _build_http_api(components, readiness)
    companions = () if shared.grpc_address is None else _build_grpc(settings, components, shared.grpc_address)
    _tune_garbage_collector()
    try:
        serve_worker(api, [listener], options, readiness, on_ready, components.each_second, companions, components.load)
    finally:
        components.close()
    return 0


def _build_http_api(components: WorkerComponents, is_ready: Callable[[], bool]) -> App:
    """Build the HTTP API behind its middleware: calls are counted, then authorized, then answered."""
    api = build_api(
        components.decision_service,
        components.limits,
        is_ready,
        version("thinkgate"),
        components.routes,
        components.metrics.observe_duration,
    )
    return count_calls(require_key(api, components.authorizer), components.registry, PATH_SCOPES)


def _build_grpc(settings: Settings, components: WorkerComponents, address: str) -> tuple[CompanionServer, ...]:
    """Build the gRPC server and Envoy's processor, whose last reports are waited for at the end."""
    tls = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        tls = TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    decision_service, outcome_service = components.decision_service, components.outcome_service
    exchange = ExchangeServices(
        decision_service,
        time.monotonic,
        time.time,
        settings.max_body_bytes,
        settings.ask_usage,
        only_arm_models=settings.only_arm_models,
    )
    collect_replies(components.registry, exchange.replies)
    envoy = ExtProcServicer(exchange, None if components.journal is None else outcome_service)
    services = {
        DECISIONS: DecisionServicer(decision_service, components.limits).handler(),
        OUTCOMES: OutcomeServicer(outcome_service, components.limits, time.time).handler(),
        EXTERNAL_PROCESSOR: envoy.handler(),
    }
    options = GrpcOptions(address, max(settings.max_body_bytes, _ENVOY_PIECE_BYTES) + 2**20, tls)
    return GrpcServer(options, services, components.authorizer, MetricsInterceptor(components.registry)), envoy


def _tune_garbage_collector() -> None:
    """Keep full collections away from what stays for good: walking it stops a worker for tens of milliseconds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], _FULL_COLLECTIONS)


def _grpc_part(shared: SharedState) -> str:
    return "" if shared.grpc_address is None else f", gRPC at {shared.grpc_address}"


def _server_options(settings: Settings, lifeline: int | None = None) -> ServerOptions:
    tls = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        tls = server_context(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    return ServerOptions(settings.drain_seconds, settings.keep_alive_seconds, lifeline, tls)


def _announce(message: str) -> Callable[[], None]:
    return lambda: typer.echo(message)


def _print_error(message: str) -> int:
    typer.echo(f"{_NAME}: {message}", err=True)
    return _BAD_INPUT


if __name__ == "__main__":
    main()
