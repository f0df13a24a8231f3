"""The loop as a daemon."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from training.cli.loop_options import Every, LookEvery, LoopOptions, with_loop_options


@with_loop_options
def watch(
    options: LoopOptions,
    every: Every = 86_400.0,
    look: LookEvery = 300.0,
    volume: Annotated[int, typer.Option(min=0, help="Retrain after so many new outcomes; 0 for never.")] = 0,
    window: Annotated[int, typer.Option(min=0, help="Decisions that drift is looked for in; 0 for never.")] = 1000,
    alpha: Annotated[float, typer.Option(min=1e-6, max=0.2, help="Chance of a false alarm of drift per look.")] = 0.001,
    canary_outcomes: Annotated[int, typer.Option(min=100, help="Outcomes after which a canary is champion.")] = 500,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end: for cron.")] = False,
) -> None:
    """Run beside the server: retrain on a schedule, on drift and on volume; settle canaries, send back what strays.

    `thinkgate watch --journal sqlite:///var/journal.db --arms data/arms.toml --publish var/live --every 24h`
    """
    from apscheduler.schedulers.blocking import BlockingScheduler

    from serving.decision.errors import BadInput
    from training.retraining.daemon import Daemon, DaemonSettings

    if options.journal is None:
        raise BadInput("nothing to watch: name the server's journal with --journal")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("thinkgate").setLevel(logging.INFO)
    settings = DaemonSettings(options.settings(), every, volume, window, alpha, canary_outcomes=canary_outcomes)
    watching = Daemon(settings)
    if once:
        if watching.look().kind == "failed":
            raise typer.Exit(1)
        return
    scheduler = BlockingScheduler()
    # One look at a time; those that a long training has held up are one look afterwards.
    scheduler.add_job(watching.look, "interval", seconds=look, max_instances=1, coalesce=True)
    watching.look()
    try:
        scheduler.start()
    except (KeyboardInterrupt, SystemExit):
        return
