"""The command `thinkgate gateway`: options in, server and Envoy out, and the lines to paste."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.exceptions import TyperException

from serving.decision import BadInput, ThinkgateError
from serving.gateways.standalone.arm_options import ArmOption, arms_toml, parse_arms_options, policy_toml
from serving.gateways.standalone.envoy_binary import find_envoy
from serving.gateways.standalone.envoy_config import GatewayConfig, envoy_config, to_json
from serving.gateways.standalone.gateway import GatewayOptions, ServerPorts, run_gateway
from serving.gateways.standalone.listening import free_port, resolve_host
from serving.gateways.standalone.ready_text import ready_text, warnings_of
from serving.gateways.standalone.trust import find_ca_bundle
from serving.gateways.standalone.upstreams import Upstream, parse_upstreams

_NAME: Final = "thinkgate gateway"
_BAD_INPUT: Final = 2
"""Exit code."""
_SERVER: Final = "What decides"
_LISTEN: Final = "Where it listens"
_NO_ARMS: Final = (
    "nothing to choose between: name arms with --arm gpt-5.1@none --arm gpt-5.1@high (models of your own), an arms.toml"
    " with --arms FILE, or a trained bundle with --bundle DIR"
)


def main() -> None:
    """Run the command; an error is one line on stderr that names its cure: exit code 2 for bad input, else 1."""
    logging.basicConfig(stream=sys.stderr, format=f"{_NAME}: %(message)s")
    try:
        code = build_gateway_cli()(prog_name=_NAME, standalone_mode=False)
    except TyperException as error:
        code = _print_error(f"{error.format_message()} ({_NAME} --help lists the options)")
    except ThinkgateError as error:
        code = _print_error(str(error), _BAD_INPUT if isinstance(error, BadInput) else 1)
    sys.exit(code)


def build_gateway_cli() -> typer.Typer:
    """Build the command line."""
    app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    app.command(
        epilog="Example: thinkgate gateway --upstream https://api.openai.com/v1 --arm gpt-5.1@none --arm gpt-5.1@high"
    )(gateway)
    return app


def gateway(
    upstream: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]URL",
            help="Your provider's base URL, as your SDK has it. Give it again, with a NAME, for each further provider.",
        ),
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]MODEL@EFFORT",
            help="A model at an effort to choose between, the cheap one first; NAME is the upstream that has it.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    arms: Annotated[Path | None, typer.Option(help="arms.toml instead of --arm.", rich_help_panel=_SERVER)] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a trained bundle. Watched.", rich_help_panel=_SERVER)
    ] = None,
    cold_start: Annotated[
        bool,
        typer.Option(
            "--cold-start", help="Prior knowledge decides; so it does without --bundle.", rich_help_panel=_SERVER
        ),
    ] = False,
    any_model: Annotated[
        bool,
        typer.Option(
            "--any-model",
            help="Decide on every call, also where it names none of the arms' models: it then gets one of them.",
            rich_help_panel=_SERVER,
        ),
    ] = False,
    policy: Annotated[Path | None, typer.Option(help="policy.toml. Watched.", rich_help_panel=_SERVER)] = None,
    journal: Annotated[
        str | None,
        typer.Option(
            help="Where decisions and outcomes are kept: sqlite:///FILE (default: journal.db), postgresql://..., none.",
            rich_help_panel=_SERVER,
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.", rich_help_panel=_LISTEN)] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 is a free one.", rich_help_panel=_LISTEN)] = 8800,
    api_port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Port of thinkgate's own API (127.0.0.1 only).", rich_help_panel=_LISTEN),
    ] = 8801,
    upstream_ca: Annotated[
        Path | None, typer.Option(help="PEM file to verify upstreams by, instead of the system's CAs.")
    ] = None,
    envoy: Annotated[
        Path | None, typer.Option(help="Envoy to run; else its wheel's, else the one on the PATH.")
    ] = None,
    access_log: Annotated[
        bool, typer.Option(help="A line a call on standard output, without headers, query and body.")
    ] = True,
    drain_seconds: Annotated[
        float, typer.Option(min=0, max=3600, help="How long open calls may finish at the end.")
    ] = 10.0,
    print_config: Annotated[bool, typer.Option("--print-config", help="Print Envoy's configuration and exit.")] = False,
    server_options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- OPTIONS]", help="Further options of thinkgate-server, after --."),
    ] = None,
) -> int:
    """Put thinkgate between your SDK and your provider: change base_url, keep your key, and each call gets its effort.

    Starts thinkgate-server and Envoy; keys pass through untouched and unlogged, and without thinkgate calls go on as
    they came.
    """
    upstreams = parse_upstreams(upstream or [])
    if not upstreams:
        raise BadInput("no upstream: name your provider's base URL, such as --upstream https://api.openai.com/v1")
    address, ca_bundle = resolve_host(host), find_ca_bundle(upstream_ca)
    if print_config:
        socket_path = Path("/tmp/thinkgate-envoy-admin.sock")  # noqa: S108 - a proposal for the reader to change
        config = GatewayConfig(address, port, 9090, socket_path, upstreams, ca_bundle, access_log)
        typer.echo(to_json(envoy_config(config)), nl=False)
        return 0
    binary = find_envoy(envoy)
    chosen = _parse_arms(arm or [], upstreams, arms, bundle)
    ports = free_port(address, port, "--port"), free_port("127.0.0.1", api_port, "--api-port") if api_port else 0
    with tempfile.TemporaryDirectory(prefix="thinkgate-arms-") as folder:
        if chosen:
            arms, policy = _write_arms(chosen, upstreams, Path(folder), policy)
        given = _server_options(bundle, cold_start, arms, policy, journal)
        options = GatewayOptions(
            address=address,
            port=ports[0],
            api_port=ports[1],
            upstreams=upstreams,
            ca_bundle=ca_bundle,
            envoy=binary,
            server_options=[*given, *([] if any_model else ["--only-arm-models"]), *(server_options or [])],
            access_log=access_log,
            drain_seconds=drain_seconds,
        )
        for warning in warnings_of(options, policy):
            typer.echo(f"{_NAME}: {warning}", err=True)

        def announce(running: ServerPorts) -> None:
            typer.echo(ready_text(options, running))
            sys.stdout.flush()

        return run_gateway(options, announce)


def _parse_arms(
    texts: Sequence[str], upstreams: Sequence[Upstream], arms: Path | None, bundle: Path | None
) -> tuple[ArmOption, ...]:
    if not texts:
        known = ("THINKGATE_ARMS", "THINKGATE_BUNDLE", "THINKGATE_MODEL")
        if arms is None and bundle is None and not any(os.environ.get(name) for name in known):
            raise BadInput(_NO_ARMS)
        return ()
    if arms is not None or bundle is not None:
        other = "--arms" if arms is not None else "--bundle"
        raise BadInput(f"--arm and {other} exclude each other: both say what there is to choose between")
    return parse_arms_options(texts, upstreams)


def _write_arms(
    chosen: Sequence[ArmOption], upstreams: Sequence[Upstream], folder: Path, policy: Path | None
) -> tuple[Path, Path | None]:
    arms, rules = folder / "arms.toml", policy_toml(chosen, upstreams)
    arms.write_text(arms_toml(chosen))
    if rules is None:
        return arms, policy
    if policy is not None:
        raise BadInput(
            "--arm NAME=... writes the rules that keep arms to their upstream, and --policy has rules of its own: leave"
            " NAME= out and write rules for the header x-thinkgate-upstream, or leave out --policy"
        )
    path = folder / "policy.toml"
    path.write_text(rules)
    return arms, path


def _server_options(
    bundle: Path | None, cold_start: bool, arms: Path | None, policy: Path | None, journal: str | None
) -> list[str]:
    served = bundle is not None or any(os.environ.get(name) for name in ("THINKGATE_BUNDLE", "THINKGATE_MODEL"))
    options = ["--cold-start"] if cold_start or not served else []
    for name, value in (("--bundle", bundle), ("--arms", arms), ("--policy", policy), ("--journal", journal)):
        if value is not None:
            options += [name, str(value)]
    return options


def _print_error(message: str, code: int = _BAD_INPUT) -> int:
    typer.echo(f"{_NAME}: {message}", err=True)
    return code


if __name__ == "__main__":
    main()
