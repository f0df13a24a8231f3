"""Bundles are written whole after they are verified, or not at all."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from serving.decision.bundle import golden
from serving.decision.bundle.loader import load_bundle
from serving.decision.bundle.manifest import FILES, MANIFEST, ConsumptionSource, DataFingerprint
from serving.decision.errors import BadInput
from serving.decision.features import FEATURE_NAMES
from tests.support import tiny_models as tiny
from training.export.bundle_writer import BundleLineage, DestinationTaken, ExportedBundle, export_bundle
from training.export.parity import (
    GOLDEN_REQUESTS,
    PARITY,
    ParityBroken,
)
from training.models.fitted_model import FittedModel, PiecewiseLinear

LINEAGE = BundleLineage(
    DataFingerprint("digest", 300, 280, "2025-01-01T00:00:00", None),
    learner={"name": "mean of direct and T"},
    metrics={"policy_area": 0.6},
    mlflow={"run_id": "r1"},
)
NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def written(out: Path, model: FittedModel | None = None) -> ExportedBundle:
    return export_bundle(
        model or tiny.model(2), tiny.encoder(), tiny.ARMS[:2], out, LINEAGE, compare=tiny.requests(60), now=NOW
    )


def broken() -> FittedModel:
    """Give a model whose numbers are not finite."""
    model = tiny.model(2)
    nowhere = PiecewiseLinear(np.array([0.0, 1.0]), np.array([0.5, np.nan]))
    return replace(model, support=replace(model.support, map=nowhere))


def test_what_is_written_is_proven_and_says_what_it_is(tmp_path: Path) -> None:
    exported = written(tmp_path / "deep" / "bundle")
    assert sorted(entry.name for entry in exported.path.iterdir()) == sorted((*FILES, MANIFEST))
    assert 0 < exported.difference <= PARITY
    assert exported.embedding_difference == 0
    assert exported.compared == 60 + len(GOLDEN_REQUESTS)
    manifest = load_bundle(exported.path).manifest
    assert manifest == exported.bundle.manifest
    assert manifest.created == "2025-06-01T12:00:00+00:00"
    assert (manifest.arms, manifest.features, manifest.tasks) == (
        tiny.ARMS[:2],
        FEATURE_NAMES,
        ("maths", "code", "chat"),
    )
    assert manifest.consumption == ConsumptionSource(tokens="history", latency="defaults")
    assert manifest.encoder.limits == tiny.encoder().limits
    assert (manifest.data, manifest.metrics, manifest.mlflow) == (LINEAGE.data, {"policy_area": 0.6}, {"run_id": "r1"})
    for name in FILES:
        assert manifest.files[name] == hashlib.sha256((exported.path / name).read_bytes()).hexdigest()


def test_equal_models_make_equal_bundles(tmp_path: Path) -> None:
    one, two = written(tmp_path / "one"), written(tmp_path / "two")
    for name in (*FILES, MANIFEST):
        assert (one.path / name).read_bytes() == (two.path / name).read_bytes()
    other = written(tmp_path / "three", replace(tiny.model(2), widening=1.0))
    assert other.bundle.bundle_id != one.bundle.bundle_id


def test_others_may_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    first = written(out).bundle.bundle_id
    assert stat.S_IMODE(out.stat().st_mode) == 0o755
    second = written(out, replace(tiny.model(2), widening=1.0)).bundle.bundle_id
    assert load_bundle(out).bundle_id == second != first
    assert list(tmp_path.iterdir()) == [out]


def test_an_unproven_model_leaves_the_old_bundle(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    before = written(out).bundle.bundle_id
    with pytest.raises(ParityBroken, match="nan"):
        written(out, broken())
    assert load_bundle(out).bundle_id == before
    assert list(tmp_path.iterdir()) == [out]


def test_a_full_disk_leaves_the_old_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "bundle"
    before = written(out).bundle.bundle_id
    move = Path.rename

    def fails_on_the_second(self: Path, target: Path) -> Path:
        if target == out and "-old-" not in str(self):
            raise OSError("no space left")
        return move(self, target)

    monkeypatch.setattr(Path, "rename", fails_on_the_second)
    with pytest.raises(OSError, match="no space"):
        written(out, replace(tiny.model(2), widening=1.0))
    assert load_bundle(out).bundle_id == before
    assert list(tmp_path.iterdir()) == [out]


def test_never_replaces_what_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", "utf-8")
    for out in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(DestinationTaken, match="name a new folder") as refused:
            written(out)
        assert isinstance(refused.value, BadInput)
    assert (tmp_path / "thesis.txt").read_text("utf-8") == "years of work"
    (tmp_path / "empty").mkdir()
    assert load_bundle(written(tmp_path / "empty").path)


def test_golden_vectors_span_the_kinds_of_input(tmp_path: Path) -> None:
    vectors = golden.golden_from_json((written(tmp_path / "b").path / "golden.json").read_text("utf-8"))
    texts = ["".join(turn.text for turn in vector.request.messages) for vector in vectors]
    assert len(vectors) == len(GOLDEN_REQUESTS) >= 10
    assert min(map(len, texts)) == 0
    assert max(map(len, texts)) > 2000
    assert any("```" in text for text in texts)
    assert any("\ud83d" in text for text in texts)
    assert any(text.isascii() for text in texts)
    assert any(len(vector.request.messages) > 2 for vector in vectors)
    assert len({vector.prediction.support for vector in vectors}) > 5
