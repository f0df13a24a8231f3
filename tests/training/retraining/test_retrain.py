"""One step of the loop on a SYNTHETIC world: collected, trained, compared, promoted; repeated, killed, locked out."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from serving.decision.bundle.loader import load_bundle
from serving.decision.engine import Engine
from serving.decision.errors import BadInput
from serving.decision.prior.model import PriorModel
from tests.support.synthetic_journal import EXPLORING, QUICK, Clock, in_order, journal, keep, traffic
from training.pipeline.train import TrainSettings
from training.promotion.gate_log import GateLog, NothingBefore
from training.promotion.gate_types import BundleForecast, GateSettings, GateVerdict, Promote, RequestWindow
from training.promotion.registry import CHAMPION, MODEL_NAME, PREVIOUS, Registry
from training.retraining.inputs import RunInProgress
from training.retraining.retrain import RetrainSettings, retrain
from training.synthetic import DEFAULT_ARMS, World

module = import_module("training.retraining.retrain")  # the package's face gives the function of that name
WORLD = World(seed=3)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> RetrainSettings:
    """A journal of a cold start that explored, and a first champion."""
    folder = tmp_path_factory.mktemp("loop")
    clock = Clock()
    prior = PriorModel(DEFAULT_ARMS)
    engine = Engine(prior, EXPLORING, prior=prior, clock=clock)
    store = journal(folder / "journal.db")
    keep(store, traffic(engine, clock, in_order(WORLD.sample(900)), np.random.default_rng(0)))
    store.close()
    made = RetrainSettings(
        work=folder / "work",
        registry=f"sqlite:///{folder / 'mlflow.db'}",
        journal=f"sqlite:///{folder / 'journal.db'}",
        publish=folder / "live",
        train=TrainSettings(fit=QUICK, resamples=50),
    )
    first = retrain(made)
    assert (first.entry.verdict, first.entry.guard, first.entry.version) == ("promote", "first", "1")
    assert first.exported is not None
    assert first.exported.rows == 900
    assert load_bundle(folder / "live").bundle_id == first.entry.bundle_id
    return made


def versions(settings: RetrainSettings) -> int:
    return len(MlflowClient(settings.registry).search_model_versions(f"name = '{MODEL_NAME}'"))


def test_the_same_data_get_the_same_verdict_and_no_version(settings: RetrainSettings) -> None:
    before = versions(settings)
    again = retrain(settings)
    assert again.repeated
    assert again.entry.version == "1"
    elsewhere = retrain(replace(settings, work=settings.work.with_name("elsewhere")))
    assert elsewhere.repeated
    assert versions(settings) == before


def test_more_data_are_compared_killed_and_gone_on_with(
    settings: RetrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WORLD.records(WORLD.sample(300, start=2000)).to_parquet(tmp_path / "more.parquet")
    more = replace(settings, history=(str(tmp_path / "more.parquet"),), gate=replace(settings.gate, min_effective=1e9))
    kept = retrain(more)
    assert (kept.entry.verdict, kept.entry.guard, kept.entry.version) == ("keep", "overlap", None)
    assert kept.comparison is not None
    assert kept.comparison.paired > 0
    assert kept.comparison.requests > kept.comparison.paired
    registry = Registry(settings.registry)
    champion = registry.alias(CHAMPION)
    assert champion is not None
    assert champion.version == "1"

    # The same challenger under a gate that lets it through, killed before its verdict was written.
    monkeypatch.setattr(module, "_challenger", lambda *_: load_bundle(settings.work / kept.entry.key / "bundle"))
    key = "killed"
    monkeypatch.setattr(module, "_key", lambda *_: key)

    def passing(
        _window: RequestWindow, before: BundleForecast, _after: BundleForecast, _gate: GateSettings
    ) -> GateVerdict:
        assert before.bundle_id == kept.entry.champion_id, "also after the alias was moved"
        assert kept.comparison is not None
        return replace(kept.comparison, verdict=Promote(kept.comparison.gain))

    monkeypatch.setattr(module, "run_gate", passing)
    (settings.work / key).mkdir()
    (settings.work / key / "bundle").symlink_to(settings.work / kept.entry.key / "bundle")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(GateLog, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            retrain(more)
    assert versions(settings) == 2
    done = retrain(more)
    assert (done.repeated, done.entry.verdict, done.entry.version) == (False, "promote", "2")
    assert versions(settings) == 2
    aliases = [registry.alias(name) for name in (CHAMPION, PREVIOUS)]
    assert [alias.version for alias in aliases if alias] == ["2", "1"]

    book = GateLog(registry)
    told = book.of_version("2")
    assert told is not None
    assert told.expected is not None
    assert told.expected.success[1] <= told.expected.success[0] <= told.expected.success[2]
    assert book.roll_back().version == "1"
    assert (
        load_bundle(book.fetch(registry.alias(CHAMPION) or champion, tmp_path / "back")).bundle_id == told.champion_id
    )
    assert book.roll_back().version == "2"


def test_only_one_runs_at_a_time(settings: RetrainSettings) -> None:
    with (settings.work / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(RunInProgress, match="wait for it"):
            retrain(settings)


def test_what_can_not_be_learnt_from_is_named(settings: RetrainSettings, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--journal"):
        retrain(replace(settings, work=tmp_path, journal=None))
    with pytest.raises(BadInput, match="is not there"):
        retrain(replace(settings, work=tmp_path, journal=f"sqlite:///{tmp_path / 'nowhere.db'}"))
    journal(tmp_path / "empty.db").close()
    with pytest.raises(BadInput, match="it is empty"):
        retrain(replace(settings, work=tmp_path, journal=f"sqlite:///{tmp_path / 'empty.db'}"))
    with pytest.raises(NothingBefore, match="no version was champion"):
        GateLog(Registry(f"sqlite:///{tmp_path / 'new.db'}")).roll_back()
