"""Command line `thinkgate-keys`: creates, lists, rotates and revokes API keys in a file that running servers watch."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from typer.exceptions import TyperException

from serving.auth.api_keys import SCOPES, Key, NewKey, Scope, make_key
from serving.auth.key_file import BadKeys, load_keys, write_keys
from serving.decision import ThinkgateError

_NAME: Final = "thinkgate-keys"
_BAD_INPUT: Final = 2
_DAY_SECONDS: Final = 86_400.0

File = Annotated[Path, typer.Option("--file", envvar="THINKGATE_KEYS", help="The keys file.")]
_DEFAULT: Final = Path("keys.toml")
_DEFAULT_SCOPES: Final = ("decide", "report")
_SCOPE_HELP: Final = f"Scope of the key: {', '.join(SCOPES)}; repeatable. Default: {', '.join(_DEFAULT_SCOPES)}."


def main() -> None:
    """Run the command line; every error is one line on stderr that names its cure, with exit code 2."""
    try:
        code = build_keys_cli(time.time)(prog_name=_NAME, standalone_mode=False)
    except (TyperException, ThinkgateError) as error:
        message = error.format_message() if isinstance(error, TyperException) else str(error)
        typer.echo(f"{_NAME}: {message}", err=True)
        code = _BAD_INPUT
    sys.exit(code)


def build_keys_cli(clock: Callable[[], float]) -> typer.Typer:
    """Build the command line; long because every command is defined inside, where it can use the clock.

    Parameters
    ----------
    clock
        Epoch seconds.
    """
    app = typer.Typer(add_completion=False, no_args_is_help=True, help="API keys of thinkgate-server.")

    @app.command()
    def new(
        name: Annotated[str, typer.Argument(help="Owner of the key.")],
        scope: Annotated[list[str] | None, typer.Option(help=_SCOPE_HELP)] = None,
        rate: Annotated[float, typer.Option(help="Decisions a second, over all workers.", min=1e-3)] = math.inf,
        burst: Annotated[float | None, typer.Option(help="Decisions at once; default: one second's.", min=1)] = None,
        days: Annotated[float, typer.Option(help="Expires after so many days.", min=0)] = math.inf,
        file: File = _DEFAULT,
    ) -> None:
        """Create a key: it is printed once, and the file keeps its hash."""
        chosen = scope or _DEFAULT_SCOPES
        unknown = [each for each in chosen if each not in SCOPES]
        if unknown:
            raise BadKeys(f"--scope {unknown[0]} is not known: choose from {', '.join(SCOPES)}")
        scopes: list[Scope] = [known for known in SCOPES if known in chosen]
        expires_at = clock() + days * _DAY_SECONDS
        new_key = make_key(name, scopes, rate, max(1.0, rate) if burst is None else burst, expires_at)
        write_keys(file, [*_load(file), new_key.key])
        _print_key(new_key, file)

    @app.command(name="list")
    def list_keys(file: File = _DEFAULT) -> None:
        """List the keys, without their secrets."""
        table = Table("id", "name", "scopes", "decisions/s", "expires")
        for key in load_keys(file).keys.values():
            table.add_row(key.key_id, key.name, " ".join(sorted(key.scopes)), _rate(key), _expiry(key, clock()))
        Console().print(table)

    @app.command()
    def rotate(
        key_id: Annotated[str, typer.Argument(help="Id of the key to replace.")],
        overlap_hours: Annotated[float, typer.Option(help="How long the old key stays valid.", min=0)] = 24.0,
        days: Annotated[float | None, typer.Option(help="The new key expires after so many days.", min=0)] = None,
        file: File = _DEFAULT,
    ) -> None:
        """Create a new key like an old one; both are valid until the overlap ends."""
        old = _find(file, key_id)
        if days is None and math.isfinite(old.expires_at):
            raise BadKeys(f"key {key_id} expires: say with --days how long its successor is valid")
        ends = min(old.expires_at, clock() + overlap_hours * 3600)
        expires_at = math.inf if days is None else clock() + days * _DAY_SECONDS
        new_key = make_key(old.name, old.scopes, old.decisions_per_second, old.burst, expires_at)
        kept = [replace(key, expires_at=ends) if key.key_id == key_id else key for key in _load(file)]
        write_keys(file, [*kept, new_key.key])
        _print_key(new_key, file)

    @app.command()
    def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key.")], file: File = _DEFAULT) -> None:
        """Remove a key; running servers refuse it within about a second."""
        _find(file, key_id)
        write_keys(file, [key for key in _load(file) if key.key_id != key_id])
        typer.echo(f"{key_id} is revoked in {file}", err=True)

    return app


def _load(file: Path) -> list[Key]:
    return list(load_keys(file).keys.values()) if file.exists() else []


def _find(file: Path, key_id: str) -> Key:
    key = load_keys(file).keys.get(key_id)
    if key is None:
        raise BadKeys(f"{file} holds no key {key_id!r}: `thinkgate-keys list` shows the ids")
    return key


def _print_key(new_key: NewKey, file: Path) -> None:
    typer.echo(new_key.token)
    typer.echo(
        f"key {new_key.key.key_id} of {new_key.key.name} is stored in {file} as a hash, and is shown only this once;"
        f" start the server with --keys {file}, and send it as `authorization: Bearer KEY`",
        err=True,
    )


def _rate(key: Key) -> str:
    return "no limit" if math.isinf(key.decisions_per_second) else f"{key.decisions_per_second:g}"


def _expiry(key: Key, now: float) -> str:
    if math.isinf(key.expires_at):
        return "never"
    shown = datetime.fromtimestamp(key.expires_at, UTC).isoformat(timespec="minutes")
    return f"{shown} (expired)" if key.expires_at <= now else shown


if __name__ == "__main__":
    main()
