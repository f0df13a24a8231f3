"""The whole way on two workers, beside the same way on one machine."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from serving.decision.bundle.manifest import DataFingerprint
from tests.support.tiny_models import encoder
from tests.training.backends.dask.conftest import records, scattered
from training.backends.base import BackendSettings, RecordSource
from training.backends.dask import backend as dask_backend
from training.backends.dask.errors import WorkerLost
from training.backends.factory import open_backend
from training.dataset.dataset import Dataset
from training.encoders.design_matrix import design_rows
from training.errors import TooLittleToLearn
from training.export.bundle_writer import BundleLineage, export_bundle
from training.export.parity import PARITY
from training.export.reference import predict
from training.models.boosting import TreeSettings
from training.models.fit import ONE_THREAD, FitSettings, fit
from training.models.local_trainer import LocalTrainerFactory
from training.models.meta_learners import policy_area
from training.pipeline.train import LearntModel, TrainSettings, learn
from training.progress import silent
from training.records.history import History
from training.synthetic import LegacyRouter, World

SETTINGS = FitSettings(
    trees=TreeSettings(
        rounds=30, leaves=5, learning_rate=0.1, feature_fraction=0.5, bagging_fraction=1.0, l2=20.0, min_rows=40
    ),
    folds=3,
    threads=1,
)
"""No rows are drawn, which every machine would do for itself: what is left to differ are borders of bins and sums."""
SHARE_APART = 0.08
"""Of the oracle's area, on the same folds."""
SUCCESS_APART = 0.06
"""Mean difference of P(success) on new prompts, on the same folds."""
SCORES_ALIKE = 0.8
"""Correlation of held-out uplift scores, on the same folds."""


def learnt(
    folder: Path, engine: BackendSettings, monkeypatch: pytest.MonkeyPatch, at_most: int = 200_000
) -> LearntModel:
    monkeypatch.setattr(import_module("training.pipeline.train"), "encoder_for", lambda *_: encoder())
    return learn([str(folder)], TrainSettings(engine=engine, fit=SETTINGS, learn_from=at_most))


def read(folder: Path, engine: BackendSettings, quarantine: Path) -> tuple[History, Dataset]:
    with open_backend(engine) as where:
        history, drawn = where.read(RecordSource([str(folder)], quarantine=quarantine), silent)
    return history, drawn.dataset


def test_rows_prompts_and_quarantine_are_those_of_one_machine(tmp_path: Path, scheduler: str) -> None:
    frame = records(150)
    frame["request_id"] = frame["request_id"].astype(object)
    frame.loc[frame.index[7], "success"] = 3.0
    frame.loc[frame.index[20], "arm"] = None
    frame.loc[frame.index[31], "request_id"] = None
    again = frame.iloc[[41, 50]]  # lands in another file than the first of it
    folder = scattered(pd.concat([frame, again], ignore_index=True), tmp_path / "data")
    here, one = read(folder, BackendSettings(), tmp_path / "here.jsonl")
    there, many = read(folder, BackendSettings("dask", scheduler), tmp_path / "there.jsonl")
    assert there.counts == here.counts
    assert there.counts.read == there.counts.kept + sum(there.counts.quarantined.values())
    assert there.counts.quarantined == {"success out of range": 1, "no arm": 1, "duplicate request_id": 2}
    assert (there.digest, there.start, there.end) == (here.digest, here.start, here.end)
    assert there.synthetic
    bad = [
        {tuple(json.loads(line)[key] for key in ("source", "line", "kind")) for line in file.read_text().splitlines()}
        for file in (tmp_path / "here.jsonl", tmp_path / "there.jsonl")
    ]
    assert bad[0] == bad[1]
    for field in fields(Dataset):
        mine, theirs = getattr(one, field.name), getattr(many, field.name)
        same = np.array_equal(mine, theirs, equal_nan=True) if field.name in FLOATS else list(mine) == list(theirs)
        assert same, field.name


FLOATS = {field.name for field in fields(Dataset)} - {"requests", "prompt_ids", "tasks", "arms", "tenant"}


@pytest.mark.parametrize("logged", [False, True])
def test_what_is_learnt_is_worth_as_much_as_on_one_machine(
    logged: bool, tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = records(3000, LegacyRouter()) if logged else records(2000)
    folder = scattered(frame.drop(columns="task"), tmp_path / "data")  # without tasks, support is learnt sooner
    there = learnt(folder, BackendSettings("dask", scheduler), monkeypatch)
    x, known = design_rows(encoder(), there.dataset.requests), there.dataset
    assert np.array_equal(there.x, x)
    assert there.prompts == len(known)
    with threadpool_limits(1, ONE_THREAD):
        here = fit(known, x, SETTINGS, trainer_factory=LocalTrainerFactory(x, known, there.fitted.fold, 1))
    new = World(seed=77).sample(2000)
    x, truth = design_rows(encoder(), new.requests), new.truth.success
    mine, theirs = predict(here.model, x), predict(there.fitted.model, x)
    ceiling = policy_area(truth[:, 1:] - truth[:, :1], truth)
    shares = [policy_area(told.uplift, truth) / ceiling for told in (mine, theirs)]
    apart = np.abs(mine.success - theirs.success).mean()
    assert min(shares) > 0.15
    assert abs(shares[0] - shares[1]) < SHARE_APART
    assert np.corrcoef(here.oof_score[:, 0], there.fitted.oof_score[:, 0])[0, 1] > SCORES_ALIKE
    assert apart < SUCCESS_APART
    exported = export_bundle(
        there.fitted.model, there.encoder, there.dataset.arms, tmp_path / "bundle",
        BundleLineage(DataFingerprint(there.history.digest, there.history.counts.kept, there.prompts)),
        compare=there.dataset.requests[:200],
    )  # fmt: skip
    assert exported.difference <= PARITY
    heads = there.fitted.model.success[0].score.boosters
    assert "machines:" not in heads[0].model_to_string()  # no address of a worker gets into a bundle's trees


def test_a_long_history_sends_a_sample_and_is_learnt_from_whole(
    tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = scattered(records(400), tmp_path / "data")
    monkeypatch.setattr(dask_backend, "PARTITION_ROWS", 200)
    there = learnt(folder, BackendSettings("dask", scheduler), monkeypatch, at_most=160)
    assert (there.prompts, there.drawn.population) == (400, 400)
    assert 100 < len(there.dataset) < 220
    assert there.note.startswith("Success and uplift were learnt from 400 prompts")
    assert there.history.counts.prompts == 400
    assert np.array_equal(there.x, design_rows(encoder(), there.dataset.requests))
    root = there.fitted.model.success[0].score.boosters[0].dump_model()["tree_info"][0]["tree_structure"]
    assert root["internal_count"] > len(there.dataset)  # bagged from all 400, not from the sample


def test_one_arm_alone_is_refused(tmp_path: Path, scheduler: str) -> None:
    frame = records(60)
    folder = scattered(frame[frame["arm"] == "direct"], tmp_path / "data")
    with pytest.raises(TooLittleToLearn, match="only one arm"):
        read(folder, BackendSettings("dask", scheduler), tmp_path / "bad.jsonl")


def test_a_worker_that_is_killed_while_it_learns_is_told_at_once(tmp_path: Path, scheduler: str) -> None:
    folder = scattered(records(300), tmp_path / "data")
    endless = FitSettings(trees=TreeSettings(rounds=1_000_000), folds=2, threads=1)
    with open_backend(BackendSettings("dask", scheduler)) as where:
        dataset = where.read(RecordSource([str(folder)]), silent)[1].dataset
        x = where.design(encoder(), dataset, silent)
        trainers = where.trainer_factory(2)
        client = trainers.cluster.client  # type: ignore[union-attr]
        pids = client.run(os.getpid)

        def kill_one() -> None:
            while not any("_train_part" in str(key) for keys in client.processing().values() for key in keys):
                time.sleep(0.1)
            time.sleep(0.5)
            os.kill(next(iter(pids.values())), signal.SIGKILL)

        killer = threading.Thread(target=kill_one)
        killer.start()
        with pytest.raises(WorkerLost, match=r"worker tcp://.* was lost.*train again"):
            fit(dataset, x, endless, silent, trainers)
        killer.join()
