"""Entry point of the `thinkgate` command: registers the subcommands, one module each in `training/cli/`."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import typer

from serving.decision import BadInput, BundleRefused, ThinkgateError
from training.cli.collect import collect
from training.cli.console import ERR
from training.cli.decide import decide
from training.cli.demo import demo
from training.cli.evaluate import evaluate
from training.cli.import_ import import_
from training.cli.operate import AS_TYPED, capabilities_app, doctor, gateway
from training.cli.retrain import retrain, rollback
from training.cli.savings import savings
from training.cli.score import score
from training.cli.train import train
from training.cli.watch import watch

app = typer.Typer(
    name="thinkgate",
    help="Learns from your history whether reasoning pays for a request, and decides it per request.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
# In the order in which `thinkgate --help` lists them.
for _command in (demo, train, evaluate, score, decide, savings, retrain, rollback, watch):
    app.command()(_command)
app.command(name="import")(import_)  # a keyword of Python
app.command()(collect)
app.command()(doctor)
app.command(context_settings=AS_TYPED)(gateway)
app.add_typer(capabilities_app)

QUIET = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
"""Environment for MLflow, set before it is imported: no log lines between ours, and no telemetry."""


def main() -> None:
    """Run the command; errors are one line that names the cure, exit code 2 for bad input."""
    warnings.simplefilter("ignore")
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    sys.exit(_run(app))


def _run(command: Callable[..., Any]) -> int | str | None:
    try:
        command()  # typer reports a wrong command line itself, and raises SystemExit
    except SystemExit as ended:
        return ended.code
    except ThinkgateError as error:
        ERR.print(f"thinkgate: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        return 2 if isinstance(error, BadInput | BundleRefused) else 1  # a bundle is an input too
    except OSError as error:
        ERR.print(f"thinkgate: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    main()
