"""`thinkgate demo`: trains and serves on synthetic data, end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import ERR, OUT
from training.progress import bars


def demo(
    folder: Annotated[
        Path, typer.Option(help="Where history, bundle, report and server log go; MLflow's store goes beside it.")
    ] = Path("var/demo"),
    prompts: Annotated[int, typer.Option(min=300, help="Synthetic prompts to train on.")] = 6000,
) -> None:
    """Run everything on **synthetic** data: train, export, serve, decide eight requests.

    Takes about two minutes, and two more the first time, to distil MiniLM. Nothing is downloaded, and no figure
    describes a real model.
    """
    from training.demo import run_demo

    with bars(ERR) as progress:
        shown = run_demo(folder, prompts, progress)
    for part in shown:
        OUT.print(part)
