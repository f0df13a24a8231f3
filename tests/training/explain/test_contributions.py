"""The parts of an uplift sum up to the model's own uplift, survive their file, and name what moved it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support import tiny_models as tiny
from training.encoders.design_matrix import design_rows
from training.explain.contributions import FILE, NoHeads, StoredHeads, read_heads, write_heads
from training.export.reference import predict
from training.models.fitted_model import FittedModel, PiecewiseLinear

ROWS = design_rows(tiny.encoder(), tiny.requests(12, seed=5))


def kept(model: FittedModel, folder: Path) -> StoredHeads:
    write_heads(model, "b" * 64, folder)
    return read_heads(folder, "b" * 64)


@pytest.mark.parametrize("arms", [2, 3])
def test_parts_sum_up_to_the_models_own_uplift(arms: int, tmp_path: Path) -> None:
    model = tiny.model(arms)
    heads = kept(model, tmp_path)
    expected = predict(model, ROWS)
    moved = 0
    for row, truth, support in zip(ROWS, expected.uplift, expected.support, strict=True):
        for place in range(1, arms):
            parts = heads.parts(row, place, float(support))
            assert np.clip(parts.uplift, -1, 1) == pytest.approx(truth[place - 1], abs=1e-9)
            assert parts.average + parts.columns.sum() == pytest.approx(parts.uplift, abs=1e-9)
            moved += bool(np.abs(parts.columns).max() > 0)
    assert moved


def test_a_feature_that_no_tree_reads_adds_nothing(tmp_path: Path) -> None:
    model = tiny.model(2)
    read = np.zeros(tiny.WIDTH, bool)
    heads = [model.success[0].score, model.success[1].score, model.uplift[0].direct, *model.feature_only]
    for head in heads:
        for booster in head.boosters if head else ():
            read |= booster.feature_importance()[: tiny.WIDTH] > 0
    assert 0 < read.sum() < tiny.WIDTH
    columns = kept(model, tmp_path).parts(ROWS[0], 1, 0.5).columns
    assert (columns[~read] == 0).all()


def test_a_flat_map_leaves_nothing_to_share_out(tmp_path: Path) -> None:
    model = tiny.model(2)
    flat = PiecewiseLinear(np.zeros(1), np.full(1, 0.3))
    model = replace(model, uplift=(replace(model.uplift[0], calibration=flat),))
    parts = kept(model, tmp_path).parts(ROWS[0], 1, 0.5)
    assert (parts.average, parts.uplift) == (0.3, 0.3)
    assert (parts.columns == 0).all()


def test_another_bundles_heads_and_broken_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoHeads, match="is not there"):
        read_heads(tmp_path, "a")
    write_heads(tiny.model(2), "b" * 64, tmp_path)
    with pytest.raises(NoHeads, match="belongs to bundle bbbb"):
        read_heads(tmp_path, "a" * 64)
    content = (tmp_path / FILE).read_bytes()
    for broken in (content[:100], b"", b"x" + content):
        (tmp_path / FILE).write_bytes(broken)
        with pytest.raises(NoHeads, match="can't be read"):
            read_heads(tmp_path, "b" * 64)


def test_the_same_model_gives_the_same_file(tmp_path: Path) -> None:
    first = write_heads(tiny.model(2), "b", tmp_path / "one").read_bytes()
    assert write_heads(tiny.model(2), "b", tmp_path / "two").read_bytes() == first
