"""One step of the loop, by hand or from a schedule; and the way back."""

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

    Learns from the server's journal and from outcome records. The newest calls are held out: on them both bundles are
    judged, and a challenger is promoted only if its gain is sure and nothing else gets worse. The same data give the
    same verdict; a run that was killed goes on where it was.

    `thinkgate retrain --journal sqlite:///var/journal.db --registry sqlite:///var/mlflow.db --arms data/arms.toml`
    """
    from training.retraining.retrain import retrain as run

    with bars(ERR) as progress:
        done = run(options.settings(), progress)
    if done.exported is not None:
        OUT.print(f"journal  {done.exported.rows} of {done.exported.decisions} decisions used", highlight=False)
        for reason, count in done.exported.left_out.items():
            OUT.print(f"  left out: {count} x {reason}", highlight=False, markup=False)
    again = " (as before: the data are the same)" if done.repeated else ""
    word = "promoted" if done.entry.verdict == "promote" else "the champion stays"
    OUT.print(f"verdict  {word}{again}: {done.entry.reason}", highlight=False, markup=False, soft_wrap=True)
    OUT.print(f"bundle   {done.entry.bundle_id[:12]}", highlight=False, markup=False)
    if done.entry.version:
        became = "the canary: `thinkgate watch` settles it" if done.entry.canary else "the champion"
        OUT.print(f"MLflow   models:/thinkgate/{done.entry.version} is {became}", highlight=False, markup=False)


Trial = Annotated[Path | None, typer.Option(help="Folder that a server tries bundles from: the trial in it ends.")]


def rollback(registry: RegistryUrl = DEFAULT_REGISTRY, publish: Publish = None, canary: Trial = None) -> None:
    """Make the champion before this one the champion again; a second call undoes the first.

    Servers that follow `models:/thinkgate@champion`, or the folder of --publish, swap by themselves; a canary ends.

    `thinkgate rollback --registry sqlite:///var/mlflow.db`
    """
    from training.promotion.canary import PublishFolders, end_canary
    from training.promotion.gate_log import GateLog
    from training.promotion.registry import Registry

    book = GateLog(Registry(registry))
    version = book.roll_back()
    end_canary(book, version, PublishFolders(publish, canary))
    if publish is not None:
        book.fetch(version, publish)
    OUT.print(f"models:/thinkgate/{version.version} is the champion again", highlight=False, markup=False)
