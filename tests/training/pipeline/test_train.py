"""One small training run, and what it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serving.decision.bundle.loader import load_bundle
from tests.support.small_training import PROMPTS, trained, write_records
from training.encoders.design_matrix import design_rows
from training.errors import TooLittleToLearn
from training.explain.explain import companion_folder
from training.export.bundle_writer import DestinationTaken
from training.pipeline.train import TrainSettings, encoder_for, train


def test_a_run_writes_bundle_report_and_explanation_data() -> None:
    made = trained()
    assert load_bundle(made.exported.path).bundle_id == made.exported.bundle.bundle_id
    assert made.report.name == "report.html"
    assert (made.report.parent / "evaluation.json").is_file()
    assert {file.name for file in companion_folder(made.exported.path).iterdir()} == {"heads.json.gz", "cases.parquet"}
    assert made.version is None, "no registry was named"
    assert len(made.dataset) == PROMPTS
    assert made.exported.difference < 1e-3


def test_without_embedding_baselines_only_the_plain_routers_are_compared() -> None:
    assert [router.name for router in trained().evaluation.routers] == ["thinkgate", "random", "per-task average"]


def test_a_taken_destination_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(DestinationTaken, match="is no bundle"):
        train(["nowhere.parquet"], tmp_path / "out")
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_too_few_prompts_leave_no_bundle(tmp_path: Path) -> None:
    records = write_records(tmp_path / "few.parquet", 20)
    with pytest.raises(TooLittleToLearn):
        train([str(records)], tmp_path / "bundle", TrainSettings(quarantine=tmp_path / "q.quarantine.jsonl"))
    assert not (tmp_path / "bundle").exists()


def test_the_static_encoder_is_reproducible() -> None:
    requests = trained().dataset.requests
    first, second = (design_rows(encoder_for(trained().dataset, TrainSettings()), requests[:20]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
