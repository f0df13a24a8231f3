"""Canary rollout: a bundle that passed the gate serves a share of the traffic; live outcomes promote or drop it.

Servers follow the alias `canary` (`--canary models:/thinkgate@canary`) or a folder. When the canary ends, the alias
names the champion: a canary that equals the live bundle gets no traffic of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from serving.journal import Store
from training.atomic_files import read_state, write_state
from training.promotion.gate_log import GateLog, copy_bundle
from training.promotion.live_check import MIN_OUTCOMES, check_live, live_outcomes
from training.promotion.registry import CANARY, Version


@dataclass(frozen=True, slots=True)
class PublishFolders:
    """Folders for servers that follow no registry; None where there is none.

    Parameters
    ----------
    live, canary
        What `thinkgate-server` was given as `--bundle` and as `--canary`.
    """

    live: Path | None = None
    canary: Path | None = None


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """When a canary is promoted or dropped.

    Parameters
    ----------
    outcomes
        Known successes of the canary's own choices after which it is champion, unless they regress.
    max_duration_s
        Seconds after which it is champion with fewer: no regression was found, and the loop must not stall.
    false_rollback
        Probability that a bundle which behaves as the gate estimated is ever dropped.
    state
        File that keeps the state of the canary over restarts.
    """

    outcomes: int
    max_duration_s: float
    false_rollback: float
    folders: PublishFolders
    state: Path


@dataclass(frozen=True, slots=True)
class CanaryCheck:
    """Result of one check of the canary.

    Parameters
    ----------
    kind
        `quiet` while it goes on, `settled` once it is champion, or `dropped`.
    """

    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class _CanaryState:
    """Version, epoch seconds when it was first seen, checks of its outcomes, number of outcomes at the last check."""

    version: str
    since: float
    looks: int = 0
    outcomes: int = 0


def publish(gate_log: GateLog, version: Version, bundle: Path, folders: PublishFolders, as_canary: bool) -> None:
    """Publish a bundle to the servers: as the canary for a share of the traffic, or as the champion for all of it."""
    if folders.canary is not None:
        copy_bundle(bundle, folders.canary)
    if as_canary:
        gate_log.registry.point(CANARY, version)
        return
    gate_log.registry.promote(version)
    if folders.live is not None:
        copy_bundle(bundle, folders.live)


def end_canary(gate_log: GateLog, champion: Version, folders: PublishFolders) -> None:
    """End the canary: its folder and alias get the champion. Without the alias there is nothing to end."""
    if folders.canary is not None:
        gate_log.fetch(champion, folders.canary)
    if gate_log.registry.alias(CANARY) is not None:
        gate_log.registry.point(CANARY, champion)


def note_canary_start(gate_log: GateLog, settings: CanarySettings, clock: Callable[[], float]) -> None:
    """Record when the canary began; otherwise outcomes before the first check do not count."""
    canary = gate_log.registry.alias(CANARY)
    if canary is not None:
        _read_state(settings.state, canary, clock)


def check_canary(
    gate_log: GateLog, champion: Version, store: Store, settings: CanarySettings, clock: Callable[[], float]
) -> CanaryCheck | None:
    """Check the canary's live outcomes once; None where there is no canary.

    A canary without a gate record was set by hand, and stays until it is removed by hand.
    """
    canary = gate_log.registry.alias(CANARY)
    if canary is None or canary.version == champion.version:
        return None
    record = gate_log.of_version(canary.version)
    if record is None or record.expected is None:
        return None
    state = _read_state(settings.state, canary, clock)
    live = live_outcomes(store.entries(since=state.since), record.bundle_id)
    known = int(np.isfinite(live.success).sum())
    name = f"models:/{canary.name}/{canary.version}"
    over = clock() > state.since + settings.max_duration_s
    if known >= min(state.outcomes + MIN_OUTCOMES, settings.outcomes):
        state = replace(state, looks=state.looks + 1, outcomes=known)
        write_state(settings.state, asdict(state))
        regression = check_live(record.expected, live, state.looks, settings.false_rollback)
        if regression is not None:
            end_canary(gate_log, champion, settings.folders)
            return CanaryCheck("dropped", f"{name}: {regression.reason}")
    if known < settings.outcomes and not over:
        return CanaryCheck("quiet", f"{name} is the canary: {known} of {settings.outcomes} outcomes")
    if settings.folders.live is not None:  # before the alias: after a kill between the two, the next check repairs it
        gate_log.fetch(canary, settings.folders.live)
    gate_log.registry.promote(canary)
    return CanaryCheck("settled", f"{name} is champion: {known} live outcomes are within the gate's estimates")


def _read_state(path: Path, canary: Version, clock: Callable[[], float]) -> _CanaryState:
    """Read the state of this canary; that of an earlier one is replaced."""
    stored = read_state(path)
    if stored.get("version") == canary.version:
        return _CanaryState(**stored)
    state = _CanaryState(canary.version, clock())
    write_state(path, asdict(state))
    return state
