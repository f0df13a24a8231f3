"""The loop as a daemon."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from training.commands.options import Arms, Cache
from training.commands.retrain import (
    HeldOutShare,
    History,
    JournalUrl,
    Last,
    PolicyFile,
    Publish,
    RegistryUrl,
    Slower,
    Work,
)

Duration = Annotated[str, typer.Option(help="Retrain after so long: 30m, 24h, 7d; 0 for never.")]


def watch(
    history: History = None,
    journal: JournalUrl = None,
    registry: RegistryUrl = "sqlite:///var/mlflow.db",
    work: Work = Path("var/retrain"),
    arms: Arms = None,
    policy: PolicyFile = None,
    publish: Publish = None,
    held_out: HeldOutShare = 0.2,
    last: Last = "all",
    slower: Slower = 0.25,
    every: Duration = "24h",
    look: Annotated[str, typer.Option(help="Look for drift, volume and strayed bundles so often.")] = "5m",
    volume: Annotated[int, typer.Option(min=0, help="Retrain after so many new outcomes; 0 for never.")] = 0,
    window: Annotated[int, typer.Option(min=0, help="Decisions that drift is looked for in; 0 for never.")] = 1000,
    alpha: Annotated[float, typer.Option(min=1e-6, max=0.2, help="Chance of a false alarm of drift per look.")] = 0.001,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end: for cron.")] = False,
    cache: Cache = None,
) -> None:
    """Run beside the server: retrain on a schedule, on drift and on volume, and send a bundle back that strays.

    `thinkgate watch --journal sqlite:///var/journal.db --arms data/arms.toml --publish var/live --every 24h`
    """
    from apscheduler.schedulers.blocking import BlockingScheduler

    from serving.decision.errors import BadInput
    from training.durations import seconds
    from training.pipeline import CACHE, TrainSettings
    from training.retrain import RetrainSettings
    from training.verdict import GateSettings
    from training.watch import Watch, WatchSettings

    if journal is None:
        raise BadInput("nothing to watch: name the server's journal with --journal")
    settings = RetrainSettings(
        work=work,
        registry=registry,
        journal=journal,
        history=tuple(history or ()),
        policy=policy,
        held_out=held_out,
        last_s=None if last == "all" else seconds(last),
        gate=GateSettings(slower=slower),
        publish=publish,
        train=TrainSettings(arms=arms, cache=cache or CACHE),
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("thinkgate").setLevel(logging.INFO)
    watching = Watch(WatchSettings(settings, seconds(every), volume, window, alpha))
    if once:
        if watching.look().kind == "failed":
            raise typer.Exit(1)
        return
    scheduler = BlockingScheduler()
    # One look at a time; those that a long training has held up are one look afterwards.
    scheduler.add_job(watching.look, "interval", seconds=seconds(look), max_instances=1, coalesce=True)
    watching.look()
    try:
        scheduler.start()
    except (KeyboardInterrupt, SystemExit):
        return
