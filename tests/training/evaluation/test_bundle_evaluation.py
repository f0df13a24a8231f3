"""A trained bundle evaluated on newer records, paired and logged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.small_training import trained, write_records
from training.errors import TooLittleToLearn
from training.evaluation.bundle_evaluation import SAME_RECORDS_NOTE, evaluate_bundle


def test_paired_records_give_realised_outcomes(tmp_path: Path) -> None:
    records = write_records(tmp_path / "newer.parquet", 120, start=5000)
    found = evaluate_bundle(trained().exported.path, [str(records)], tmp_path / "q.quarantine.jsonl")
    evaluation = found.evaluation
    assert evaluation.prompts == 120 == found.history.counts.prompts
    assert evaluation.synthetic
    assert evaluation.title.endswith(trained().exported.bundle.bundle_id[:12])
    assert evaluation.routers[0].name == "thinkgate"
    assert {"random", "per-task average", "kNN on static embedding"} <= {router.name for router in evaluation.routers}
    assert [rule.name for rule in evaluation.rules] == ["always direct", "always reasoning", "our policy"]
    assert evaluation.oracle is not None
    assert evaluation.notes == (SAME_RECORDS_NOTE,)
    assert evaluation.policies == ()
    assert {forecast.quantity for forecast in evaluation.forecasts} == {"output tokens", "latency ms"}


def test_logged_records_give_off_policy_values(tmp_path: Path) -> None:
    frame = pd.read_parquet(write_records(tmp_path / "paired.parquet", 120, start=5000))
    reasons = np.random.default_rng(0).random(frame["prompt_id"].nunique()) < 0.5
    wanted = dict(zip(frame["prompt_id"].unique(), np.where(reasons, "reasoning", "direct"), strict=True))
    logged = frame[frame["arm"].astype(str) == frame["prompt_id"].map(wanted).astype(str)].assign(propensity=0.5)
    logged.to_parquet(tmp_path / "logged.parquet")
    found = evaluate_bundle(
        trained().exported.path, [str(tmp_path / "logged.parquet")], tmp_path / "q.quarantine.jsonl"
    ).evaluation
    assert found.oracle is None
    assert [value.policy for value in found.policies] == [
        "thinkgate, default policy",
        "always direct",
        "always reasoning",
    ]
    assert "logged" in found.notes[0]
    assert found.notes[-1] == SAME_RECORDS_NOTE


def test_too_few_records_are_refused(tmp_path: Path) -> None:
    records = write_records(tmp_path / "few.parquet", 8, start=5000)
    with pytest.raises(TooLittleToLearn, match="8 prompts"):
        evaluate_bundle(trained().exported.path, [str(records)], tmp_path / "q.quarantine.jsonl")
