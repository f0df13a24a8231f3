"""The `thinkgate` command: each subcommand parses, calls one function, and prints."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import click
import typer
from rich.console import Console

from serving.decision.errors import BadInput, ThinkgateError
from training.progress import bars

app = typer.Typer(
    name="thinkgate",
    help="Does thinking pay for this request? Learn it from your history, decide it per request.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
_err = Console(stderr=True)
_out = Console() if sys.stdout.isatty() else Console(width=140)

Records = Annotated[list[str], typer.Argument(help="Outcome records: Parquet, JSONL or CSV files, folders or globs.")]
Bundle = Annotated[Path, typer.Argument(help="Bundle folder that `thinkgate train` wrote.")]
Arms = Annotated[Path | None, typer.Option(help="arms.toml; without it the arms are taken from the records.")]
Cache = Annotated[Path | None, typer.Option(help="Folder for distilled encoders. Default: ~/.cache/thinkgate.")]


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("var/demo"),
    prompts: Annotated[int, typer.Option(min=300, help="Synthetic prompts to train on.")] = 6000,
) -> None:
    """Show the whole way on a **synthetic** world: train, export, serve, decide eight requests."""
    from training.demo import run

    with bars(_err) as progress:
        shown = run(folder, prompts, progress)
    for part in shown:
        _out.print(part)


@app.command()
def train(
    data: Records,
    out: Annotated[Path, typer.Option(help="Bundle folder to write; one that is there is replaced.")],
    arms: Arms = None,
    encoder: Annotated[
        str,
        typer.Option(
            help="`static` (fast), `transformer`, or `transformer:ID` (any sentence-transformers id or path)."
        ),
    ] = "static",
    teacher: Annotated[
        str | None, typer.Option(help="Teacher of the static encoder. Default: built-in MiniLM.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow store, e.g. sqlite:///var/mlflow.db.")
    ] = None,
    epsilon: Annotated[
        float, typer.Option(min=0.0005, max=0.5, help="Quality loss that the certificate allows.")
    ] = 0.02,
    delta: Annotated[float, typer.Option(min=0.001, max=0.5, help="Chance that the certificate is wrong.")] = 0.1,
    report: Annotated[Path | None, typer.Option(help="Folder for the report. Default: OUT-report.")] = None,
    quarantine: Annotated[Path | None, typer.Option(help="JSONL file for rows that can't be used.")] = None,
    cache: Cache = None,
) -> None:
    """Train a bundle from outcome records."""
    from training.pipeline import CACHE, TrainSettings
    from training.pipeline import train as run
    from training.summary import summary

    settings = TrainSettings(
        arms=arms,
        encoder=encoder,
        teacher=teacher,
        cache=cache or CACHE,
        registry=registry,
        epsilon=epsilon,
        delta=delta,
        report=report,
        quarantine=quarantine or out.with_name(f"{out.name}.quarantine.jsonl"),
    )
    with bars(_err) as progress:
        trained = run(data, out, settings, progress)
    _tell_rows(trained.history)
    for sentence in summary(trained.evaluation):
        _out.print(f"- {sentence}", highlight=False, markup=False)
    _out.print(f"bundle  {out}  ({trained.exported.bundle.bundle_id[:12]})", highlight=False, markup=False)
    _out.print(f"report  {trained.report}", highlight=False, markup=False)
    if trained.version:
        _out.print(f"MLflow  models:/{trained.version.name}/{trained.version.version} in {registry}", highlight=False)


@app.command()
def evaluate(
    bundle: Bundle,
    data: Records,
    json: Annotated[Path | None, typer.Option(help="Write all figures as JSON here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for the HTML report and plots.")] = None,
    quarantine: Annotated[Path, typer.Option(help="JSONL file for rows that can't be used.")] = Path(
        "evaluate.quarantine.jsonl"
    ),
) -> None:
    """Judge a bundle on outcome records that it was not trained on."""
    from training.judging import judge
    from training.pipeline import write_report
    from training.report import to_json
    from training.summary import summary

    with bars(_err) as progress:
        judged = judge(bundle, data, quarantine, progress)
    _tell_rows(judged.history)
    for sentence in summary(judged.evaluation):
        _out.print(f"- {sentence}", highlight=False, markup=False)
    if json:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(to_json(judged.evaluation), encoding="utf-8")
        _out.print(f"figures {json}", highlight=False, markup=False)
    if report:
        _out.print(f"report  {write_report(judged.evaluation, report)}", highlight=False, markup=False)


@app.command()
def score(
    bundle: Bundle,
    prompts: Annotated[list[str], typer.Argument(help="Prompts: Parquet, JSONL or CSV with `prompt` or `messages`.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write, one row per prompt.")],
) -> None:
    """Score prompts: success per arm, uplift per arm, support."""
    from training.judging import score as run

    with bars(_err) as progress:
        rows = run(bundle, prompts, out, progress)
    _out.print(f"{rows} prompts scored: {out}", highlight=False, markup=False)


@app.command()
def decide(
    bundle: Bundle,
    prompt: Annotated[str, typer.Option(help="The user's prompt; `-` reads it from standard input.")],
    arms: Annotated[Path | None, typer.Option(help="arms.toml with newer prices.")] = None,
    policy: Annotated[Path | None, typer.Option(help="policy.toml; the built-in default without it.")] = None,
    value: Annotated[float | None, typer.Option(min=0.0, help="USD that a success is worth.")] = None,
    deadline_ms: Annotated[float | None, typer.Option(min=1.0, help="How long the caller can wait.")] = None,
    task: Annotated[str | None, typer.Option(help="Task type, where it is known.")] = None,
) -> None:
    """Decide one prompt and show the arithmetic."""
    from training.judging import decide as run
    from training.shown import decision_table

    text = sys.stdin.read() if prompt == "-" else prompt
    decision = run(bundle, text, arms, policy, value, deadline_ms, task)
    _out.print(decision_table(decision))


def _tell_rows(history: Any) -> None:
    counts = history.counts
    _out.print(f"{counts.kept} of {counts.read} rows used, {counts.prompts} prompts", highlight=False)
    for reason, rows in counts.quarantined.items():
        _out.print(f"  quarantined: {rows} x {reason}", highlight=False, markup=False)
    if history.quarantine and counts.quarantined:
        _out.print(f"  they are in {history.quarantine}", highlight=False, markup=False)


def main() -> None:
    """Run the command; errors are one line that names the cure, exit code 2 for bad input."""
    warnings.simplefilter("ignore")
    sys.exit(_run(app))


def _run(command: Callable[..., Any]) -> int:
    try:
        command(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _err.print("stopped")
        return 130
    except ThinkgateError as error:
        _err.print(f"thinkgate: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        return 2 if isinstance(error, BadInput) else 1
    except OSError as error:
        _err.print(f"thinkgate: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    main()
