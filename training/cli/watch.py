"""`thinkgate watch`: runs the retraining daemon."""

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
    window: Annotated[int, typer.Option(min=0, help="Decisions in a window of the drift test; 0: none.")] = 1000,
    alpha: Annotated[float, typer.Option(min=1e-6, max=0.2, help="False-alarm rate of one drift test.")] = 0.001,
    canary_outcomes: Annotated[int, typer.Option(min=100, help="Outcomes after which a canary is champion.")] = 500,
    once: Annotated[bool, typer.Option("--once", help="Check once, then exit: for cron.")] = False,
) -> None:
    """Run beside the server: retrain on a schedule, on drift or on volume; settle canaries, roll back regressions.

    `thinkgate watch --journal sqlite:///var/journal.db --arms data/arms.toml --publish var/live --every 24h`
    """
    from apscheduler.schedulers.blocking import BlockingScheduler

    from serving.decision import BadInput
    from training.retraining import Daemon, DaemonSettings

    if options.journal is None:
        raise BadInput("nothing to watch: name the server's journal with --journal")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("thinkgate").setLevel(logging.INFO)
    settings = DaemonSettings(options.settings(), every, volume, window, alpha, canary_outcomes=canary_outcomes)
    daemon = Daemon(settings)
    if once:
        if daemon.tick().kind == "failed":
            raise typer.Exit(1)
        return
    scheduler = BlockingScheduler()
    # One tick at a time; those that a long training has delayed become one tick afterwards.
    scheduler.add_job(daemon.tick, "interval", seconds=look, max_instances=1, coalesce=True)
    daemon.tick()
    try:
        scheduler.start()
    except (KeyboardInterrupt, SystemExit):
        return
