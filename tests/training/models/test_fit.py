"""The whole fit on a small synthetic history, through to a proven bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serving.decision.bundle.loader import load_bundle
from serving.decision.bundle.manifest import DataFingerprint
from serving.decision.errors import BundleRefused
from tests.support.tiny_models import encoder
from tests.support.toy_datasets import chances, dataset, toy_rows
from training.dataset.arm_inference import infer_arms
from training.dataset.dataset import build_dataset
from training.encoders.design_matrix import design_rows
from training.export.bundle_writer import BundleLineage, ExportedBundle, export_bundle
from training.export.parity import PARITY
from training.export.reference import predict
from training.models.boosting import TreeSettings
from training.models.fit import FitSettings, Fitted, fit
from training.models.meta_learners import policy_area
from training.synthetic import World

SETTINGS = FitSettings(trees=TreeSettings(rounds=12, leaves=7, bags=1, feature_fraction=0.8), folds=3, threads=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fitted, ExportedBundle]:
    world = World(seed=3)
    frame = world.records(world.sample(400))
    data = build_dataset(frame, infer_arms(frame))
    tiny = encoder()
    fitted = fit(data, design_rows(tiny, data.requests), SETTINGS)
    out = tmp_path_factory.mktemp("made") / "bundle"
    lineage = BundleLineage(DataFingerprint("d", len(frame), len(data)))
    return fitted, export_bundle(fitted.model, tiny, data.arms, out, lineage, compare=data.requests[:200])


def test_graph_and_lightgbm_agree(made: tuple[Fitted, ExportedBundle]) -> None:
    _, exported = made
    assert exported.compared > 200
    assert exported.difference <= PARITY
    assert load_bundle(exported.path).bundle_id == exported.bundle.bundle_id


def test_everything_held_out_is_finite_and_in_range(made: tuple[Fitted, ExportedBundle]) -> None:
    fitted, _ = made
    assert ((fitted.oof_success >= 0) & (fitted.oof_success <= 1)).all()
    assert (np.abs(fitted.oof_uplift) <= 1).all()
    assert (fitted.oof_tokens[1] >= fitted.oof_tokens[0]).all()
    assert (fitted.oof_latency > 0).all()
    assert {head.source for head in fitted.model.output_tokens} == {"history"}
    assert fitted.learners[0].name == fitted.model.notes["learner"]


def test_a_fit_is_the_same_every_time(made: tuple[Fitted, ExportedBundle]) -> None:
    world = World(seed=3)
    frame = world.records(world.sample(400))
    data = build_dataset(frame, infer_arms(frame))
    again = fit(data, design_rows(encoder(), data.requests), SETTINGS)
    assert np.array_equal(again.oof_score, made[0].oof_score)


def test_a_flipped_byte_anywhere_is_refused(made: tuple[Fitted, ExportedBundle], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("model.onnx", "tokenizer.json", "golden.json", "manifest.json"):
        broken = tmp_path / name.replace(".", "-")
        broken.mkdir()
        for file in made[1].path.iterdir():
            content = bytearray(file.read_bytes())
            if file.name == name:
                content[int(rng.integers(len(content)))] ^= 1
            (broken / file.name).write_bytes(content)
        with pytest.raises(BundleRefused):
            load_bundle(broken)


def test_three_arms_have_two_uplifts_each_with_its_own_truth() -> None:
    rng = np.random.default_rng(8)
    x = toy_rows(900, rng)
    truth = chances(x, 3)
    fitted = fit(dataset(truth, rng), x, SETTINGS)
    told = predict(fitted.model, x)
    assert told.success.shape == (900, 3)
    assert told.uplift.shape == fitted.oof_score.shape == (900, 2)
    gained = policy_area(fitted.oof_score, truth)
    assert gained > 0.6 * policy_area(truth[:, 1:] - truth[:, :1], truth)
    assert (told.uplift_lower <= told.uplift).all()
    assert (told.uplift <= told.uplift_upper).all()
