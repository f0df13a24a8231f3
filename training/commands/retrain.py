"""One step of the loop, by hand or from a schedule; and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.commands.options import Arms, Cache
from training.commands.terminal import ERR, OUT
from training.progress import bars

History = Annotated[
    list[str] | None, typer.Argument(help="Outcome records to learn from beside the journal: files, folders, globs.")
]
JournalUrl = Annotated[
    str | None,
    typer.Option(
        "--journal", envvar="THINKGATE_JOURNAL", help="The server's journal: sqlite:///... or postgresql://..."
    ),
]
RegistryUrl = Annotated[str, typer.Option("--registry", envvar="MLFLOW_TRACKING_URI", help="MLflow store.")]
Work = Annotated[Path, typer.Option(help="Folder for exports, challengers and the lock; the same one each time.")]
PolicyFile = Annotated[Path | None, typer.Option("--policy", help="policy.toml that both bundles are judged under.")]
Publish = Annotated[
    Path | None, typer.Option(help="Folder that a server watches (--bundle): the champion is copied there.")
]
HeldOutShare = Annotated[
    float, typer.Option("--held-out", min=0.05, max=0.5, help="Share of the newest calls to judge by.")
]

Last = Annotated[str, typer.Option(help="Learn from calls of the last 30d (or 12h) only; `all` for all.")]

Slower = Annotated[
    float, typer.Option("--slower", min=0.0, help="Share by which requests may take longer under a new champion.")
]


def retrain(
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
    cache: Cache = None,
) -> None:
    """Train a challenger, compare it with the champion on the newest requests, and promote it or not.

    Learns from the server's journal and from outcome records. The newest calls are held out: on them both bundles are
    judged, and a challenger is promoted only if its gain is sure and nothing else gets worse. The same data give the
    same verdict; a run that was killed goes on where it was.

    `thinkgate retrain --journal sqlite:///var/journal.db --registry sqlite:///var/mlflow.db --arms data/arms.toml`
    """
    from training.durations import seconds
    from training.pipeline import CACHE, TrainSettings
    from training.retrain import RetrainSettings
    from training.retrain import retrain as run
    from training.verdict import GateSettings

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
    with bars(ERR) as progress:
        done = run(settings, progress)
    if done.exported is not None:
        OUT.print(f"journal  {done.exported.rows} of {done.exported.decisions} decisions used", highlight=False)
        for reason, count in done.exported.left_out.items():
            OUT.print(f"  left out: {count} x {reason}", highlight=False, markup=False)
    again = " (as before: the data are the same)" if done.repeated else ""
    word = "promoted" if done.entry.verdict == "promote" else "the champion stays"
    OUT.print(f"verdict  {word}{again}: {done.entry.reason}", highlight=False, markup=False, soft_wrap=True)
    OUT.print(f"bundle   {done.entry.bundle_id[:12]}", highlight=False, markup=False)
    if done.entry.version:
        OUT.print(f"MLflow   models:/thinkgate/{done.entry.version} is the champion", highlight=False, markup=False)


def rollback(registry: RegistryUrl = "sqlite:///var/mlflow.db", publish: Publish = None) -> None:
    """Make the champion before this one the champion again; a second call undoes the first.

    Servers that follow `models:/thinkgate@champion`, or the folder of --publish, swap by themselves.

    `thinkgate rollback --registry sqlite:///var/mlflow.db`
    """
    from training.registry import Registry
    from training.verdict_book import VerdictBook

    book = VerdictBook(Registry(registry))
    version = book.roll_back()
    if publish is not None:
        book.fetch(version, publish)
    OUT.print(f"models:/thinkgate/{version.version} is the champion again", highlight=False, markup=False)
