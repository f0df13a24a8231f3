"""Settings of the server, from the command line and from THINKGATE_... variables.

Longer than other modules because it is one flat list.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from serving.decision import MAX_MESSAGES, BadInput, Fallback
from serving.journal import StorePrompts
from serving.telemetry import LogFormat

PREFIX: Final = "THINKGATE_"
LogLevel = Literal["debug", "info", "warning", "error"]

WHAT: Final = "What is served"
WHERE: Final = "Where it listens"
HOW: Final = "How it runs"
JOURNAL: Final = "What is kept"
LIMITS: Final = "Limits"


class BadSettings(BadInput):
    """An invalid setting; the message names the option and its variable."""


def _help(panel: str, description: str) -> Any:
    return Field(description=description, json_schema_extra={"panel": panel})


class Settings(BaseSettings):
    """Settings of the server; an option takes precedence over its variable, and a variable over the default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    bundle: Annotated[Path | None, _help(WHAT, "Folder of the trained bundle to serve. Watched.")] = None
    model: Annotated[
        str | None,
        _help(WHAT, "A model of the registry to serve instead, e.g. models:/thinkgate@champion. Watched."),
    ] = None
    registry: Annotated[
        str | None,
        _help(WHAT, "Where models:/ are: http(s)://HOST:PORT of `mlflow server`, or an MLflow file store."),
    ] = None
    insecure_registry: Annotated[
        bool, _help(WHAT, "Allow plain http to a registry on another machine; nobody must be able to come between.")
    ] = False
    model_cache: Annotated[
        Path, _help(WHAT, "Folder of the fetched model versions; with it, a start does not need the registry.")
    ] = Path("models.cache")
    reload_seconds: Annotated[
        float, _help(WHAT, "Seconds between two checks for a new model; 0 is never."), Field(ge=0, le=86_400)
    ] = 10.0
    shadow: Annotated[
        str | None,
        _help(WHAT, "A second bundle (folder or models:/...) that decides in its shadow: journalled, never served."),
    ] = None
    canary: Annotated[
        str | None, _help(WHAT, "A second bundle (folder or models:/...) that serves a share of the traffic.")
    ] = None
    canary_share: Annotated[
        float, _help(WHAT, "That share; a session always stays on the same side."), Field(ge=0, le=1)
    ] = 0.05
    cold_start: Annotated[
        bool, _help(WHAT, "Serve without a bundle: a conservative prior model decides until one is trained.")
    ] = False
    arms: Annotated[
        Path | None, _help(WHAT, "arms.toml: the arms of a cold start, or new prices for a bundle's arms.")
    ] = None
    only_arm_models: Annotated[
        bool, _help(WHAT, "Through Envoy: calls that name a model of no arm pass as they came, undecided.")
    ] = False
    capabilities: Annotated[
        Path | None,
        _help(WHAT, "capabilities.toml: what models accept at hosts, where it differs from the shipped registry."),
    ] = None
    allow_same: Annotated[
        bool, _help(WHAT, "Accept two arms that would send the same; otherwise they are refused.")
    ] = False
    policy: Annotated[Path | None, _help(WHAT, "policy.toml: value of a success, and limits. Watched for changes.")] = (
        None
    )
    fallback: Annotated[
        Fallback, _help(WHAT, "What decides where the model can't: the baseline arm, reasoning, or the prior model.")
    ] = "baseline"

    journal: Annotated[
        str, _help(JOURNAL, "Where decisions and outcomes are kept: sqlite:///FILE, postgresql://..., or none.")
    ] = "sqlite:///journal.db"
    store_prompts: Annotated[
        StorePrompts,
        _help(JOURNAL, "What is stored of a prompt: nothing, its hash, its text with secrets masked, or all."),
    ] = "redacted"
    retention_days: Annotated[
        float | None,
        _help(JOURNAL, "Days after which decisions and outcomes are deleted; never where it is not set."),
        Field(gt=0, le=36_500),
    ] = None
    spool: Annotated[
        Path | None, _help(JOURNAL, "Folder where rows wait while the database is down; beside the SQLite file.")
    ] = None

    host: Annotated[str, _help(WHERE, "Address to listen on."), Field(min_length=1)] = "127.0.0.1"
    http_port: Annotated[int, _help(WHERE, "Port of the HTTP API; 0 picks a free one."), Field(ge=0, le=65535)] = 8080
    grpc_port: Annotated[
        int | None,
        _help(WHERE, "Port of gRPC and of Envoy's ext_proc; 0 picks a free one. Neither is served without it."),
        Field(ge=0, le=65535),
    ] = None
    uds: Annotated[Path | None, _help(WHERE, "Serve HTTP on this Unix socket instead of host and port.")] = None
    tls_cert: Annotated[Path | None, _help(WHERE, "PEM file: this server's certificate, then its chain.")] = None
    tls_key: Annotated[Path | None, _help(WHERE, "PEM file: the certificate's private key, not encrypted.")] = None
    tls_client_ca: Annotated[
        Path | None, _help(WHERE, "PEM file: CA of the callers' certificates; others are then refused (mTLS).")
    ] = None
    keys: Annotated[
        Path | None, _help(WHERE, "keys.toml: the API keys that may call; `thinkgate-keys new` makes one. Watched.")
    ] = None

    workers: Annotated[int, _help(HOW, "Processes that serve; 0 is one per core."), Field(ge=0, le=256)] = 1
    drain_seconds: Annotated[
        float, _help(HOW, "How long open requests may finish after SIGTERM."), Field(ge=0, le=3600)
    ] = 10.0
    keep_alive_seconds: Annotated[int, _help(HOW, "How long an idle connection stays open."), Field(ge=1, le=3600)] = 75
    log_level: Annotated[LogLevel, _help(HOW, "Least severe level that is logged.")] = "info"
    log_format: Annotated[LogFormat, _help(HOW, "Lines of text, or one JSON object a line.")] = "text"
    otlp_endpoint: Annotated[
        str | None,
        _help(HOW, "Send traces to this OTLP/HTTP collector, such as http://localhost:4318."),
        Field(pattern=r"^https?://[^\s/]+(/\S*)?$"),
    ] = None
    trace_share: Annotated[
        float,
        _help(HOW, "Share of decisions without a caller's trace that are traced; others follow the caller."),
        Field(ge=0, le=1),
    ] = 0.01

    decision_deadline_ms: Annotated[
        float,
        _help(LIMITS, "Milliseconds after which the fallback answers; 0 is no deadline."),
        Field(ge=0, le=60_000),
    ] = 5.0
    max_waiting: Annotated[
        int,
        _help(LIMITS, "Waiting requests per process above which the fallback answers; 0 is no limit."),
        Field(ge=0, le=10**6),
    ] = 256
    ask_usage: Annotated[
        bool,
        _help(
            HOW,
            "Envoy: ask for the tokens of streamed chat replies, and keep the extra event from the client.",
        ),
    ] = False
    max_body_bytes: Annotated[int, _help(LIMITS, "Largest body that is read."), Field(ge=1024, le=2**30)] = 2 * 2**20
    max_messages: Annotated[int, _help(LIMITS, "Longest conversation that is read."), Field(ge=1, le=MAX_MESSAGES)] = (
        1000
    )
    max_batch: Annotated[int, _help(LIMITS, "Most requests in one batch."), Field(ge=1, le=4096)] = 256
    body_seconds: Annotated[float, _help(LIMITS, "How long a body may take to arrive."), Field(gt=0, le=3600)] = 10.0

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if self.bundle is None and self.model is None and not self.cold_start:
            raise ValueError(
                "nothing to serve: name a trained bundle with --bundle DIR (`thinkgate train DATA --out DIR` makes"
                " one), a registered one with --model models:/NAME@ALIAS, or start without one with --cold-start"
            )
        self._check_models()
        if self.cold_start and self.arms is None:
            raise ValueError("--cold-start needs --arms FILE: an arms.toml that names the models to choose between")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("--tls-cert and --tls-key belong together: give both, or neither")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("--tls-client-ca needs --tls-cert and --tls-key: client certificates need TLS")
        if (
            (self.uds is None or self.grpc_port is not None)
            and self.keys is None
            and self.tls_client_ca is None
            and not is_loopback(self.host)
        ):
            raise ValueError(
                f"--host {self.host} is open to other machines: name API keys with --keys FILE (`thinkgate-keys new"
                " NAME` makes one) or ask for client certificates with --tls-client-ca FILE; or keep --host 127.0.0.1"
            )
        return self

    def _check_models(self) -> None:
        kinds = {
            "--bundle": self.bundle is not None,
            "--model": self.model is not None,
            "--cold-start": self.cold_start,
        }
        chosen = [name for name, given in kinds.items() if given]
        if len(chosen) > 1:
            raise ValueError(f"{' and '.join(chosen)} exclude each other: leave one of them out")
        if self.model is not None and not self.model.startswith("models:/"):
            raise ValueError("--model names a registered model, models:/NAME@ALIAS; a folder goes with --bundle")
        registered = [
            name for name in (self.model, self.shadow, self.canary) if name is not None and name.startswith("models:/")
        ]
        if registered and self.registry is None:
            raise ValueError(
                f"{registered[0]} needs --registry: http(s)://HOST:PORT of `mlflow server`, or a file store"
            )
        if self.shadow is not None and self.journal == "none":
            raise ValueError("--shadow needs a journal: name one with --journal URL, or leave the shadow out")

    @property
    def processes(self) -> int:
        """Number of processes that serve, at least one."""
        return self.workers or len(os.sched_getaffinity(0))


def read_settings(chosen: Mapping[str, Any]) -> Settings:
    """Read the settings.

    Parameters
    ----------
    chosen
        Field name to value of the given options; the environment provides the rest.

    Raises
    ------
    BadSettings
        One line that names the invalid option (or variable) and its cure.
    """
    try:
        return Settings(**chosen)
    except ValidationError as error:
        raise BadSettings("; ".join(_explain(fault["loc"], fault["msg"]) for fault in error.errors())) from None


def option(field: str) -> str:
    """Return a field's command line option.

    Examples
    --------
    >>> option("http_port")
    '--http-port'
    """
    return "--" + field.replace("_", "-")


def variable(field: str) -> str:
    """Return a field's environment variable.

    Examples
    --------
    >>> variable("http_port")
    'THINKGATE_HTTP_PORT'
    """
    return PREFIX + field.upper()


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`; names other than localhost count as open.

    Examples
    --------
    >>> is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _explain(location: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ").replace("Input should be", "must be")
    if not location:
        return message
    field = str(location[0])
    return f"{option(field)} ({variable(field)}): {message[:1].lower()}{message[1:]}"
