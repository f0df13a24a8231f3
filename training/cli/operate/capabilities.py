"""`thinkgate capabilities`: shows what a model accepts at a host, and updates the registry from its sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from serving.decision.providers.capabilities import capabilities_version, use_capabilities
from training.capabilities import explain_row, refresh_registry
from training.cli.console import OUT

capabilities_app = typer.Typer(name="capabilities", help="What each model accepts at each host.", no_args_is_help=True)


@capabilities_app.command()
def show(
    host: Annotated[str, typer.Argument(help="Who serves it, such as openai, openrouter, vllm.")],
    model: Annotated[str, typer.Argument(help="As a body or an arm names it.")],
    capabilities: Annotated[
        Path | None, typer.Option(help="Your own capabilities.toml, applied last.", envvar="THINKGATE_CAPABILITIES")
    ] = None,
) -> None:
    """Print what a model accepts at a host, and which source says so."""
    use_capabilities(capabilities)
    title = f"{model} at {host}, {capabilities_version()}"
    table = Table("field", "value", "said by", title=title, title_justify="left")
    for row in explain_row(host, model):
        table.add_row(*row)
    OUT.print(table)


@capabilities_app.command(name="update")
def update_registry(
    downloads: Annotated[Path, typer.Option(help="Where packages are downloaded to.")] = Path("var/capabilities"),
    models_dev: Annotated[Path | None, typer.Option(help="Git directory of a clone of models.dev.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use the committed facts, download nothing.")] = False,
    accept_contradictions: Annotated[
        bool, typer.Option("--accept-contradictions", help="Let the order of merging settle new contradictions.")
    ] = False,
) -> None:
    """Write the registry from its sources; a new contradiction among them stops it."""
    for line in refresh_registry(None if offline else downloads, models_dev, accept_contradictions):
        OUT.print(line, markup=False, highlight=False)
