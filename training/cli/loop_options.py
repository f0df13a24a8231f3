"""Options that `thinkgate retrain` and `thinkgate watch` share: each field of one dataclass is an option."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_type_hints

import typer

from training.cli.options import Arms, Cache, parse_seconds, parse_span

if TYPE_CHECKING:
    from training.retraining import RetrainSettings


def _seconds(value: str | float) -> float:
    """Parse an option's value; typer passes the default through here too."""
    return value if isinstance(value, float) else parse_seconds(value)


DEFAULT_REGISTRY = "sqlite:///var/mlflow.db"

History = Annotated[
    list[str] | None, typer.Argument(help="Outcome records to train on beside the journal: files, folders, globs.")
]
JournalUrl = Annotated[
    str | None,
    typer.Option(
        "--journal", envvar="THINKGATE_JOURNAL", help="The server's journal: sqlite:///... or postgresql://..."
    ),
]
RegistryUrl = Annotated[str, typer.Option("--registry", envvar="MLFLOW_TRACKING_URI", help="MLflow store.")]
Work = Annotated[Path, typer.Option(help="Folder for exports, challengers and the lock; the same one each time.")]
PolicyFile = Annotated[Path | None, typer.Option("--policy", help="policy.toml that both bundles decide under.")]
Publish = Annotated[
    Path | None, typer.Option(help="Folder that a server watches (--bundle): the champion is copied there.")
]
CanaryFolder = Annotated[
    Path | None,
    typer.Option("--canary", help="Folder that a server takes its canary from (--canary); implies --canary-first."),
]
CanaryFirst = Annotated[
    bool,
    typer.Option(
        "--canary-first",
        help="Make a promoted bundle the canary first; `watch` promotes or drops it by its outcomes.",
    ),
]
HeldOutShare = Annotated[
    float, typer.Option("--held-out", min=0.05, max=0.5, help="Share of the newest calls held out for the gate.")
]
Last = Annotated[
    float | None,
    typer.Option(
        parser=parse_span,
        metavar="DURATION",
        show_default="all",
        help="Train on calls of the last 30d (or 12h) only; `all` for all.",
    ),
]
Slower = Annotated[
    float, typer.Option("--slower", min=0.0, help="Share by which requests may take longer under a new champion.")
]
Every = Annotated[
    float,
    typer.Option(
        parser=_seconds,
        metavar="DURATION",
        show_default="24h",
        help="Interval of scheduled retraining: 30m, 24h, 7d; 0 for never.",
    ),
]
LookEvery = Annotated[
    float,
    typer.Option(
        "--look",
        parser=_seconds,
        metavar="DURATION",
        show_default="5m",
        help="Interval of the checks for drift, volume, canaries and regressions.",
    ),
]


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """Options of one retraining run; each field is an option of `retrain` and of `watch`."""

    history: History = None
    journal: JournalUrl = None
    registry: RegistryUrl = DEFAULT_REGISTRY
    work: Work = Path("var/retrain")
    arms: Arms = None
    policy: PolicyFile = None
    publish: Publish = None
    canary: CanaryFolder = None
    canary_first: CanaryFirst = False
    held_out: HeldOutShare = 0.2
    last: Last = None
    slower: Slower = 0.25
    cache: Cache = None

    def settings(self) -> RetrainSettings:
        """Convert to settings; imported here, so that `--help` needs no MLflow."""
        from training.encoders import CACHE
        from training.pipeline import TrainSettings
        from training.promotion import GateSettings
        from training.retraining import RetrainSettings

        return RetrainSettings(
            work=self.work,
            registry=self.registry,
            journal=self.journal,
            history=tuple(self.history or ()),
            policy=self.policy,
            held_out=self.held_out,
            last_s=self.last,
            gate=GateSettings(slower=self.slower),
            publish=self.publish,
            canary_first=self.canary_first or self.canary is not None,
            canary=self.canary,
            train=TrainSettings(arms=self.arms, cache=self.cache or CACHE),
        )


def with_loop_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options; its first parameter receives them as one value."""
    hints = get_type_hints(LoopOptions, include_extras=True)
    names = [field.name for field in fields(LoopOptions)]
    shared = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(LoopOptions)
    ]
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    @wraps(command)
    def typed(**chosen: object) -> None:
        options = LoopOptions(**{name: chosen.pop(name) for name in names})  # type: ignore[arg-type]
        command(options, **chosen)

    parameters = [*shared, *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own)]
    typed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    typed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return typed
