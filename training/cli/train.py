"""`thinkgate train`: trains a bundle from outcome records and writes its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from training.cli.console import ERR, OUT, report_rows
from training.cli.options import Arms, Cache, Records, require_records
from training.progress import bars


def train(
    data: Records,
    out: Annotated[Path, typer.Option(help="Bundle folder to write; one that is there is replaced.")],
    arms: Arms = None,
    encoder: Annotated[
        str,
        typer.Option(
            help="`static` (microseconds a request), `transformer` (milliseconds), or `transformer:ID` with any "
            "sentence-transformers id or path."
        ),
    ] = "static",
    teacher: Annotated[
        str | None, typer.Option(help="Teacher of the static encoder. Default: built-in MiniLM.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow store, e.g. sqlite:///var/mlflow.db.")
    ] = None,
    epsilon: Annotated[
        float,
        typer.Option(min=0.0005, max=0.5, help="Loss of success that the certificate allows: 0.02 is two points."),
    ] = 0.02,
    delta: Annotated[
        float,
        typer.Option(min=0.001, max=0.5, help="Chance that the certificate is wrong: 0.1 is 90 % confidence."),
    ] = 0.1,
    tune: Annotated[
        float, typer.Option(min=0.0, metavar="MINUTES", help="Time to tune the trees; 0 for no tuning.")
    ] = 0.0,
    learn_from: Annotated[
        int,
        typer.Option(min=1000, metavar="PROMPTS", help="Train on so many prompts at most, drawn at random."),
    ] = 100_000,
    report: Annotated[Path | None, typer.Option(help="Folder for the report. Default: OUT-report.")] = None,
    quarantine: Annotated[
        Path | None, typer.Option(help="JSONL file for rows that can't be used. Default: OUT.quarantine.jsonl.")
    ] = None,
    cases: Annotated[
        Literal["redacted", "ids", "none"],
        typer.Option(
            help="What OUT-explain keeps of your prompts, for `decide --explain`: masked excerpts, ids, or nothing.",
        ),
    ] = "redacted",
    cache: Cache = None,
    engine: Annotated[
        Literal["local", "dask"],
        typer.Option(
            help="`local`: this machine. `dask`: records (Parquet: files, folders, globs, s3://...) are read and "
            "encoded, and success and uplift learnt, part by part on the workers of a cluster."
        ),
    ] = "local",
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Dask scheduler, `tcp://host:8786` or `tls://...`, for --engine dask. Default: a cluster is started "
            "on this machine.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Workers of the cluster that is started here. Default: one a processor.")
    ] = None,
) -> None:
    """Train a bundle from outcome records.

    One row per call: `data/README.md` explains the columns, and rows that can't be used are quarantined, never dropped.
    The report is in `OUT-report/report.html`: read that first.

    `thinkgate train history.parquet --arms data/arms.toml --out bundle`
    """
    if engine == "local" and not out.exists():
        require_records(data)
    from training.backends import BackendSettings
    from training.encoders import CACHE
    from training.pipeline import TrainSettings
    from training.pipeline import train as run
    from training.report import summary

    settings = TrainSettings(
        arms=arms,
        encoder=encoder,
        teacher=teacher,
        cache=cache or CACHE,
        registry=registry,
        epsilon=epsilon,
        delta=delta,
        tune_minutes=tune,
        learn_from=learn_from,
        report=report,
        cases=cases,
        engine=BackendSettings(engine, scheduler, workers),
        quarantine=quarantine or out.with_name(f"{out.name}.quarantine.jsonl"),
    )
    with bars(ERR) as progress:
        trained = run(data, out, settings, progress)
    report_rows(trained.history)
    for sentence in summary(trained.evaluation):
        OUT.print(f"- {sentence}", highlight=False, markup=False, soft_wrap=not OUT.is_terminal)
    OUT.print(f"bundle  {out}  ({trained.exported.bundle.bundle_id[:12]})", highlight=False, markup=False)
    OUT.print(f"report  {trained.report}", highlight=False, markup=False)
    if trained.version:
        OUT.print(f"MLflow  models:/{trained.version.name}/{trained.version.version} in {registry}", highlight=False)
