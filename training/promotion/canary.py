"""A bundle that passed the gate serves a share of the traffic first: by its live outcomes it is promoted, or dropped.

The alias `canary` names it, and servers follow that (`--canary models:/thinkgate@canary`), or a folder. At the end of a
trial the alias names the champion: a canary that is the live bundle gets no traffic of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import orjson

from serving.journal.store import Store
from training.promotion.gate_log import GateLog, copy_bundle
from training.promotion.live_check import LEAST, check_live, live_of
from training.promotion.registry import CANARY, Version


@dataclass(frozen=True, slots=True)
class PublishFolders:
    """Where servers look that follow no registry; None where none does.

    Parameters
    ----------
    live, canary
        What `thinkgate-server` was given as `--bundle` and as `--canary`.
    """

    live: Path | None = None
    canary: Path | None = None


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """How a trial ends.

    Parameters
    ----------
    outcomes
        Known successes of the canary's own choices after which it is champion, unless it strayed.
    longest_s
        Seconds after which it is champion with fewer: nothing spoke against it, and a loop must not stand still.
    send_back
        Chance that a bundle which is as the gate saw it is ever dropped.
    notes
        File that remembers the trial.
    """

    outcomes: int
    longest_s: float
    send_back: float
    folders: PublishFolders
    notes: Path


@dataclass(frozen=True, slots=True)
class CanaryCheck:
    """What one look at a trial led to.

    Parameters
    ----------
    kind
        `quiet` while it goes on, `settled`: it is champion, or `dropped`.
    """

    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class _Trial:
    """Notes: version, epoch seconds when it was first seen, looks at its outcomes, outcomes at the last of them."""

    version: str
    since: float
    looks: int = 0
    outcomes: int = 0


def publish(book: GateLog, version: Version, bundle: Path, folders: PublishFolders, on_trial: bool) -> None:
    """Give servers what was promoted: as the canary of a share of the traffic, or as the champion of all."""
    if folders.canary is not None:
        copy_bundle(bundle, folders.canary)
    if on_trial:
        book.registry.point(CANARY, version)
        return
    book.registry.promote(version)
    if folders.live is not None:
        copy_bundle(bundle, folders.live)


def end_canary(book: GateLog, champion: Version, folders: PublishFolders) -> None:
    """Give the canary's place to the champion; without a canary's alias there is nothing to end."""
    if folders.canary is not None:
        book.fetch(champion, folders.canary)
    if book.registry.alias(CANARY) is not None:
        book.registry.point(CANARY, champion)


def note_canary_start(book: GateLog, settings: CanarySettings, clock: Callable[[], float]) -> None:
    """Note when a trial began; else that is the first look at it, and what came before does not count."""
    canary = book.registry.alias(CANARY)
    if canary is not None:
        _noted(settings.notes, canary, clock)


def check_canary(
    book: GateLog, champion: Version, store: Store, settings: CanarySettings, clock: Callable[[], float]
) -> CanaryCheck | None:
    """Look once at the canary's live outcomes; None where no bundle is on trial.

    A canary that the gate never saw was put there by hand, and stays with whoever did that.
    """
    canary = book.registry.alias(CANARY)
    if canary is None or canary.version == champion.version:
        return None
    told = book.of_version(canary.version)
    if told is None or told.expected is None:
        return None
    trial = _noted(settings.notes, canary, clock)
    live = live_of(store.entries(since=trial.since), told.bundle_id)
    seen = int(np.isfinite(live.success).sum())
    name = f"models:/{canary.name}/{canary.version}"
    over = clock() > trial.since + settings.longest_s
    if seen >= min(trial.outcomes + LEAST, settings.outcomes):
        trial = replace(trial, looks=trial.looks + 1, outcomes=seen)
        _note(settings.notes, trial)
        strayed = check_live(told.expected, live, trial.looks, settings.send_back)
        if strayed is not None:
            end_canary(book, champion, settings.folders)
            return CanaryCheck("dropped", f"{name}: {strayed.reason}")
    if seen < settings.outcomes and not over:
        return CanaryCheck("quiet", f"{name} is on trial: {seen} of {settings.outcomes} outcomes")
    if settings.folders.live is not None:  # before the alias: a kill between them is mended by the next look
        book.fetch(canary, settings.folders.live)
    book.registry.promote(canary)
    return CanaryCheck("settled", f"{name} is champion: {seen} live outcomes are as the gate saw them")


def _noted(path: Path, canary: Version, clock: Callable[[], float]) -> _Trial:
    """Read the notes; those on another trial are over."""
    if path.is_file():
        trial = _Trial(**orjson.loads(path.read_bytes()))
        if trial.version == canary.version:
            return trial
    trial = _Trial(canary.version, clock())
    _note(path, trial)
    return trial


def _note(path: Path, trial: _Trial) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(orjson.dumps(asdict(trial)))
    part.replace(path)
