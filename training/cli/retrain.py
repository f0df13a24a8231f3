"""`thinkgate retrain` and `thinkgate rollback`: one retraining run, and the return to the previous champion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import ERR, OUT
from training.cli.loop_options import (
    DEFAULT_REGISTRY,
    LoopOptions,
    Publish,
    RegistryUrl,
    with_loop_options,
)
from training.progress import bars


@with_loop_options
def retrain(options: LoopOptions) -> None:
    """Train a challenger, compare it with the champion on the newest requests, and promote it or not.

    Trains on the server's journal and on outcome records. The newest calls are held out: both bundles are compared on
    them, and a challenger is promoted only if its gain is significant and no guard fails. The same data give the same
    verdict; a killed run resumes.

    `thinkgate retrain --journal sqlite:///var/journal.db --registry sqlite:///var/mlflow.db --arms data/arms.toml`
    """
    from training.retraining import retrain as run

    with bars(ERR) as progress:
        result = run(options.settings(), progress)
    if result.exported is not None:
        OUT.print(f"journal  {result.exported.rows} of {result.exported.decisions} decisions used", highlight=False)
        for reason, count in result.exported.left_out.items():
            OUT.print(f"  left out: {count} x {reason}", highlight=False, markup=False)
    again = " (as before: the data are the same)" if result.repeated else ""
    word = "promoted" if result.entry.verdict == "promote" else "the champion stays"
    OUT.print(f"verdict  {word}{again}: {result.entry.reason}", highlight=False, markup=False, soft_wrap=True)
    OUT.print(f"bundle   {result.entry.bundle_id[:12]}", highlight=False, markup=False)
    if result.entry.version:
        became = "the canary: `thinkgate watch` promotes or drops it" if result.entry.canary else "the champion"
        OUT.print(f"MLflow   models:/thinkgate/{result.entry.version} is {became}", highlight=False, markup=False)


CanaryToEnd = Annotated[Path | None, typer.Option(help="Folder that a server takes its canary from: the canary ends.")]


def rollback(registry: RegistryUrl = DEFAULT_REGISTRY, publish: Publish = None, canary: CanaryToEnd = None) -> None:
    """Make the champion before this one the champion again; a second call undoes the first.

    Servers that follow `models:/thinkgate@champion`, or the folder of --publish, swap by themselves; a canary ends.

    `thinkgate rollback --registry sqlite:///var/mlflow.db`
    """
    from training.promotion import GateLog, PublishFolders, Registry, end_canary

    gate_log = GateLog(Registry(registry))
    version = gate_log.roll_back()
    end_canary(gate_log, version, PublishFolders(publish, canary))
    if publish is not None:
        gate_log.fetch(version, publish)
    OUT.print(f"models:/thinkgate/{version.version} is the champion again", highlight=False, markup=False)
