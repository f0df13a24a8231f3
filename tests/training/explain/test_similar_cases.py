"""The nearest cases are the nearest ones, and no more of a prompt is kept than the operator wants."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving.decision.conversation import from_prompt
from serving.decision.types import Request
from tests.support.toy_datasets import dataset
from training.dataset.dataset import Dataset
from training.explain.similar_cases import EXCERPT, FILE, nearest_cases, write_cases

RNG = np.random.default_rng(0)
EMBEDDING = RNG.normal(size=(40, 8)).astype(np.float32)


def history() -> Dataset:
    made = dataset(np.full((40, 2), 0.5), np.random.default_rng(1))
    requests = tuple(Request(from_prompt(f"mail jo{k}@example.org about case {k}. " + "x " * 300)) for k in range(40))
    tasks = np.array(["mail", None] * 20, object)
    costs = np.where(np.arange(80).reshape(40, 2) % 3 == 0, np.nan, 0.01)
    return replace(made, requests=requests, tasks=tasks, cost_usd=costs)


def test_the_nearest_come_first(tmp_path: Path) -> None:
    data = history()
    write_cases(data, EMBEDDING, tmp_path)
    found = nearest_cases(tmp_path, 3.0 * EMBEDDING[7], 5)
    unit = EMBEDDING / np.linalg.norm(EMBEDDING, axis=1, keepdims=True)
    expected = np.argsort(-(unit @ unit[7]))[:5]
    assert [case.prompt_id for case in found] == [str(data.prompt_ids[row]) for row in expected]
    assert found[0].similarity == pytest.approx(1.0, abs=1e-3)
    assert found[0].success == tuple(data.success[7])
    assert found[0].task == data.tasks[7]
    assert found[0].cost_usd == tuple(None if np.isnan(cost) else cost for cost in data.cost_usd[7])


def test_texts_are_masked_and_cut(tmp_path: Path) -> None:
    write_cases(history(), EMBEDDING, tmp_path)
    (case,) = nearest_cases(tmp_path, EMBEDDING[3], 1)
    assert case.text.startswith("mail [email] about case 3.")
    assert len(case.text) <= EXCERPT
    assert b"example.org" not in (tmp_path / FILE).read_bytes()


def test_ids_only_or_nothing_at_all(tmp_path: Path) -> None:
    path = write_cases(history(), EMBEDDING, tmp_path, "ids")
    assert path is not None
    assert [case.text for case in nearest_cases(tmp_path, EMBEDDING[3], 2)] == ["", ""]
    assert write_cases(history(), EMBEDDING, tmp_path, "none") is None
    assert not path.exists()
    assert nearest_cases(tmp_path, EMBEDDING[3]) == ()


def test_an_index_of_another_encoder_gives_none(tmp_path: Path) -> None:
    write_cases(history(), EMBEDDING, tmp_path)
    assert nearest_cases(tmp_path, np.ones(5, np.float32)) == ()
