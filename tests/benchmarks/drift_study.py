"""A SYNTHETIC world that drifts in the middle, and the real loop in it: journal, drift check, retraining, gate.

Only the server is left out: an engine decides in this process, with exploration and exact propensities, and takes up
what the loop publishes as a server would. `tests/e2e/test_loop.py` tells the same story once with a real one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from serving.decision.bundle.loader import Bundle, load_bundle
from serving.decision.engine import Engine
from tests.support.synthetic_journal import (
    EXPLORING,
    EXPLORING_TOML,
    QUICK,
    VALUE_USD,
    Clock,
    in_order,
    journal,
    keep,
    traffic,
)
from training.pipeline.train import TrainSettings
from training.promotion.gate_types import GateSettings
from training.promotion.holdout import QUIET
from training.retraining.daemon import Daemon, DaemonSettings
from training.retraining.retrain import RetrainSettings, retrain
from training.synthetic import DEFAULT_ARMS, TASKS, Always, ConceptDrift, PromptSample, World, oracle_policy, true_value

DAY = 14.0
FIRST = 1000
"""Paired prompts of the days before, from which the first champion is learnt."""
STEP = 1000
"""Decisions between two looks of the loop; also the window of the drift check."""
TESTED = 4000
"""Prompts that no bundle learns from, half of them after the drift: on these the values are taken."""

SHIFTS: Mapping[str, ConceptDrift] = {
    "the arms": ConceptDrift(DAY, gain=dict.fromkeys(TASKS, 2.5), skill=dict.fromkeys(TASKS, -2.0)),
    "arms and tasks": ConceptDrift(
        DAY, gain=dict.fromkeys(TASKS, 2.5), skill=dict.fromkeys(TASKS, -2.0), mix={"maths": 6.0, "planning": 4.0}
    ),
    "hidden tokens": ConceptDrift(DAY, tokens=4.0, gain=dict.fromkeys(TASKS, 0.5), latency=1.5),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One story. Shares are of the value of the oracle's choices on the same prompts.

    Parameters
    ----------
    before, lost, won
        The champion of the last days before the drift, before it and after it, and the last champion after it.
    direct, reasoning
        Serving one arm always, after the drift.
    seen_after
        Decisions after the drift until it was seen; NaN if never.
    promotions
        After the first.
    events
        What each look led to, quiet ones aside.
    """

    before: float
    lost: float
    won: float
    direct: float
    reasoning: float
    seen_after: float
    promotions: int
    events: tuple[str, ...]
    seconds: float

    @property
    def recovered(self) -> float:
        """Give the last share as a part of the first one."""
        return self.won / self.before


def share(draws: PromptSample, chosen: np.ndarray) -> float:
    """True value of choices, float64 (n, K) of probabilities, as a share of the oracle's."""
    return (
        true_value(draws, chosen, VALUE_USD).net_usd
        / true_value(draws, oracle_policy(draws, VALUE_USD), VALUE_USD).net_usd
    )


def choices(bundle: Bundle, draws: PromptSample) -> np.ndarray:
    """Let a bundle decide without exploring, float64 (n, K) of zeros and ones."""
    clock = Clock()
    engine = Engine(bundle, EXPLORING, clock=clock)
    names = [arm.name for arm in engine.arms]
    made = np.zeros((len(draws), len(names)))
    for row, request in enumerate(draws.requests):
        clock.now = float(draws.timestamp[row])
        made[row, names.index(engine.decide(request, QUIET).arm)] = 1.0
    return made


def tell(
    shift: ConceptDrift, seed: int, folder: Path, rows: int = 8000, say: Callable[[str], None] = lambda _: None
) -> Told:
    """Live through `rows` decisions, half of them after the drift."""
    start = time.perf_counter()
    world = World(seed=seed, shift=shift)
    draws = in_order(world.sample(FIRST + rows, TESTED))
    tested = world.sample(TESTED)
    before, after = (tested.take(np.flatnonzero(tested.shifted == side)) for side in (False, True))
    settings = _settings(folder)
    world.records(draws.take(np.arange(FIRST))).to_parquet(folder / "past.parquet")
    retrain(replace(settings, journal=None, history=(str(folder / "past.parquet"),)))
    live = _live(folder)
    learnt, clock = load_bundle(live), Clock()
    store = journal(folder / "journal.db")
    watch = Daemon(DaemonSettings(settings, every_s=0, volume=0, window=STEP), clock)
    clock.now = float(draws.timestamp[FIRST])
    watch.tick()
    events: list[str] = []
    promotions, seen = 0, float("nan")
    rng = np.random.default_rng(seed)
    for place in range(FIRST, FIRST + rows, STEP):
        part = draws.take(np.arange(place, min(place + STEP, FIRST + rows)))
        if not part.shifted.any():
            learnt = load_bundle(live)
        keep(store, traffic(Engine(load_bundle(live), EXPLORING, clock=clock), clock, part, rng))
        clock.now = float(part.timestamp[-1]) + 61.0
        event = watch.tick()
        if event.kind == "quiet":
            continue
        gone = int(draws.shifted[FIRST : place + STEP].sum())
        verdict = "" if event.verdict is None else f" -> {event.verdict.verdict} ({event.verdict.reason})"
        events.append(f"{gone:+d}: {event.kind}: {event.why}{verdict}")
        say(events[-1])
        promotions += event.verdict is not None and event.verdict.verdict == "promote"
        if gone and event.why.startswith("drift") and np.isnan(seen):
            seen = gone
    store.close()
    ends = [share(after, Always(arm.name)(after)) for arm in DEFAULT_ARMS]
    return Told(
        before=share(before, choices(learnt, before)),
        lost=share(after, choices(learnt, after)),
        won=share(after, choices(load_bundle(live), after)),
        direct=ends[0],
        reasoning=ends[1],
        seen_after=seen,
        promotions=promotions,
        events=tuple(events),
        seconds=time.perf_counter() - start,
    )


def _live(folder: Path) -> Path:
    return folder / "live"


def _settings(folder: Path) -> RetrainSettings:
    (folder / "policy.toml").write_text(EXPLORING_TOML)
    return RetrainSettings(
        work=folder / "work",
        registry=f"sqlite:///{folder / 'mlflow.db'}",
        journal=f"sqlite:///{folder / 'journal.db'}",
        policy=folder / "policy.toml",
        publish=_live(folder),
        held_out=0.4,  # shortly after a change calls are few, and the gate needs some hundreds to tell the two apart
        gate=GateSettings(slower=20.0),  # who thinks more waits longer, and that is wanted here
        train=TrainSettings(fit=QUICK, resamples=50),
    )
