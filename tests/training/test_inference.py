"""Offline inference with a small real bundle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import training.inference as module
from serving.decision.bundle.loader import load_bundle
from serving.decision.errors import BundleRefused
from tests.support import bundles
from tests.support import tiny_models as tiny
from training.inference import Question, decide, predictions, score, stack_field


def test_predictions_keep_the_order_over_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    model, requests = load_bundle(bundles.exported(0)), tiny.requests(8)
    steps: list[tuple[int, int]] = []
    found = list(predictions(model, requests, lambda _, done, total: steps.append((done, total))))
    alone = [model.predict_request(request) for request in requests]
    np.testing.assert_allclose(stack_field(found, "success"), stack_field(alone, "success"), atol=1e-6)
    assert stack_field(found, "uplift").shape == (8, 1)
    assert stack_field(found, "support").shape == (8,)
    assert steps == [(0, 8), (3, 8), (6, 8), (8, 8)]


def test_scores_have_one_row_a_prompt_and_bad_rows_are_quarantined(tmp_path: Path) -> None:
    rows = [{"prompt": "plan three steps"}, {"prompt": "  "}, {"prompt": "what is 17 + 17 ?"}]
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    out = tmp_path / "new" / "scores.parquet"
    assert score(bundles.exported(0), [str(path)], out) == 2
    table = pq.read_table(out).to_pydict()
    assert list(table) == ["prompt_id", "success_direct", "success_reasoning", "uplift_reasoning", "support"]
    assert len(set(table["prompt_id"])) == 2
    assert all(0 <= value <= 1 for value in table["success_direct"] + table["support"])
    quarantine = (tmp_path / "new" / "scores.quarantine.jsonl").read_text("utf-8")
    assert [json.loads(line)["line"] for line in quarantine.splitlines()] == [2]
    assert sorted(file.name for file in out.parent.iterdir()) == ["scores.parquet", "scores.quarantine.jsonl"]


def test_value_and_deadline_of_a_question_reach_the_decision() -> None:
    bundle = bundles.exported(0)
    plain = decide(bundle, Question("prove the sum of three steps"))
    assert plain.estimates.keys() == {"direct", "reasoning"}
    poor = decide(bundle, Question("prove the sum of three steps", value=0.0))
    assert poor.arm == "direct", "nothing is paid for a success that is worth nothing"
    hurried = decide(bundle, Question("prove the sum of three steps", value=100.0, deadline_ms=1.0))
    assert "deadline" in hurried.reason or hurried.arm == "direct"


def test_policy_and_prices_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('name = "v7"\nvalue_of_success_usd = 0.5\n', encoding="utf-8")
    (tmp_path / "arms.toml").write_text(
        "".join(
            f'[[arm]]\nname = "{name}"\nmodel = "gpt-5.1"\neffort = "{effort}"\n'
            "price_usd_per_mtok = { input = 1000.0, output = 1000.0 }\n"
            for name, effort in (("direct", "none"), ("reasoning", "high"))
        ),
        encoding="utf-8",
    )
    bundle = bundles.exported(0)
    dear = decide(bundle, Question("why", arms=tmp_path / "arms.toml"))
    assert dear.estimates["direct"].cost_usd > 10 * decide(bundle, Question("why")).estimates["direct"].cost_usd
    assert decide(bundle, Question("why", policy=tmp_path / "policy.toml")).policy != dear.policy


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="nowhere"):
        decide(tmp_path / "nowhere", Question("hi"))
