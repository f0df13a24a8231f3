"""A SYNTHETIC poisoned history through the real `retrain`: it spoils one task, and the guard of tasks sees it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serving.decision.bundle.loader import load_bundle
from serving.decision.engine import Engine
from tests.support.synthetic_journal import CURIOUS, QUICK, TURNED, TURNED_USD, Clock, in_order, journal, keep, traffic
from training.pipeline.train import TrainSettings
from training.promotion.gate_types import GateSettings
from training.promotion.registry import CHAMPION, Registry
from training.retraining.retrain import RetrainSettings, retrain

POISONED = "code"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> RetrainSettings:
    """A champion of the days before the change, and a journal of the days after it."""
    folder = tmp_path_factory.mktemp("guards")
    draws = in_order(TURNED.sample(6000))
    old, new = (draws.take(np.flatnonzero(draws.shifted == side)) for side in (False, True))
    TURNED.records(old.take(np.arange(600))).to_parquet(folder / "past.parquet")
    (folder / "policy.toml").write_text(f"value_of_success_usd = {TURNED_USD}\nmin_support = 0.0\n")
    made = RetrainSettings(
        work=folder / "work",
        registry=f"sqlite:///{folder / 'mlflow.db'}",
        history=(str(folder / "past.parquet"),),
        policy=folder / "policy.toml",
        publish=folder / "live",
        held_out=0.4,
        gate=GateSettings(slower=20.0),
        train=TrainSettings(fit=QUICK, resamples=50),
    )
    assert retrain(made).entry.guard == "first"
    clock, store = Clock(), journal(folder / "journal.db")
    engine = Engine(load_bundle(folder / "live"), CURIOUS, clock=clock)
    keep(store, traffic(engine, clock, new.take(np.arange(2600)), np.random.default_rng(3)))
    store.close()
    return replace(made, journal=f"sqlite:///{folder / 'journal.db'}", history=())


def poisoned() -> pd.DataFrame:
    """Calls of one task whose success is turned round, from before all that is in the journal."""
    world = replace(TURNED, mix={POISONED: 1.0}, seed=22)
    calls = world.records(world.sample(1500))
    calls["success"] = (calls["arm"] == "direct").astype(float)
    calls["timestamp"] = calls["timestamp"].min()
    return calls


def test_a_task_that_was_poisoned_keeps_out_a_challenger_that_gains_on_the_whole(
    settings: RetrainSettings, tmp_path: Path
) -> None:
    poisoned().to_parquet(tmp_path / "poison.parquet")
    spoilt = retrain(replace(settings, history=(str(tmp_path / "poison.parquet"),)))
    assert (spoilt.entry.verdict, spoilt.entry.guard) == ("keep", "task"), spoilt.entry
    assert spoilt.entry.reason.startswith(f"task {POISONED} loses")
    assert spoilt.comparison is not None
    assert spoilt.comparison.gain.positive, "without its guard it would have been let through"
    champion = Registry(settings.registry).alias(CHAMPION)
    assert champion is not None
    assert champion.version == "1"

    clean = retrain(settings)
    assert (clean.entry.verdict, clean.entry.version) == ("promote", "2"), clean.entry
