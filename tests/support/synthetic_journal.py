"""SYNTHETIC traffic for the loop's tests: a world's prompts, decided by a real engine, journalled as served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from serving.decision.engine import Engine
from serving.decision.policy.policy import Exploration, Policy, Terms
from serving.decision.policy.policy_file import parse_policy
from serving.decision.types import Usd
from serving.journal.decision_draft import DecisionDraft
from serving.journal.rows import OutcomeRow
from serving.journal.store import Store
from training.models.boosting import TreeSettings
from training.models.fit import FitSettings
from training.synthetic import ConceptDrift, PromptSample, World

QUICK = FitSettings(TreeSettings(leaves=7, bags=1), folds=3)
VALUE_USD = Usd(0.10)
EXPLORING_TOML = f"""value_of_success_usd = {VALUE_USD}
min_support = 0.0
[exploration]
use = 0.4
maybe = 0.4
avoid = 0.4
"""
EXPLORING = parse_policy(EXPLORING_TOML)

TURNED = World(
    seed=21,
    mix={"code": 3.0, "extraction": 3.0, "summarising": 3.0, "classification": 1.0},
    shift=ConceptDrift(
        day=14,
        gain={"extraction": 9.0, "summarising": 11.0},
        skill={"extraction": -3.0, "summarising": -3.0},
    ),
)
"""From the middle on thinking pays for extraction and summaries, which nobody has learnt; code stays as it was."""
TURNED_USD = Usd(0.30)
CURIOUS = Policy(
    terms=Terms(
        value_of_success_usd=TURNED_USD, exploration=Exploration(use=0.8, maybe=0.8, avoid=0.8), min_support=0.0
    )
)


class Clock:
    """Says what time a request comes at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def in_order(draws: PromptSample) -> PromptSample:
    return draws.take(np.argsort(draws.timestamp))


def traffic(
    engine: Engine, clock: Clock, draws: PromptSample, rng: np.random.Generator
) -> Iterator[tuple[DecisionDraft, OutcomeRow]]:
    """Decide every draw at its own time and draw what became of it."""
    names = [arm.name for arm in engine.arms]
    for row, request in enumerate(draws.requests):
        clock.now = float(draws.timestamp[row])
        decided = engine.decide_recorded(request)
        place = names.index(decided.decision.arm)
        truth = draws.truth
        yield (
            DecisionDraft(request, decided, "full"),
            OutcomeRow(
                decided.decision.decision_id,
                clock.now + 60.0,
                success=float(rng.random() < truth.success[row, place]),
                input_tokens=int(draws.input_tokens[row]),
                output_tokens=max(int(truth.output_tokens[row, place]), 1),
                cost_usd=float(truth.cost_usd[row, place]),
                latency_ms=float(truth.latency_ms[row, place]),
            ),
        )


def keep(store: Store, rows: Iterator[tuple[DecisionDraft, OutcomeRow]]) -> int:
    """Write traffic into a journal; gives the number of decisions."""
    made = list(rows)
    for start in range(0, len(made), 500):
        part = made[start : start + 500]
        store.append([draft.row() for draft, _ in part], [outcome for _, outcome in part])
    return len(made)


def journal(path: Path) -> Store:
    store = Store(f"sqlite:///{path}")
    store.upgrade()
    return store
