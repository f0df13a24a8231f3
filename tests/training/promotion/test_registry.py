"""MLflow lineage on a real sqlite store."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import onnx
import pytest
from mlflow import MlflowClient
from onnx import TensorProto, helper

from training.promotion.registry import CHAMPION, PREVIOUS, CandidateRun, DataLineage, Registry, RegistryUnreachable

LINEAGE = DataLineage("history.parquet", "ab" * 32, 60, 30, "2026-01-01T00:00:00+00:00", None)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    node = helper.make_node("Identity", ["features"], ["success"])
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in ("features", "success")]
    graph = helper.make_graph([node], "g", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    (folder / "manifest.json").write_text('{"bundle_id": "b1"}')
    (folder / "golden.json").write_text("[]")
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")


def test_a_run_carries_data_candidates_report_and_the_bundle(registry: Registry, bundle: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.mkdir()
    (report / "report.html").write_text("<p>synthetic</p>")
    with registry.run("train") as run:
        run.params({"encoder": "static"})
        run.metrics({"oracle_share": 0.6, "ece@direct": 0.02, "unknown": float("nan")})
        run.data(LINEAGE)
        run.candidates(
            [CandidateRun("t", {"trees": 10}, {"value": 0.5}), CandidateRun("dr", {"trees": 20}, {"value": 0.6})]
        )
        run.artifacts(report)
        version = run.register(bundle)
    client = MlflowClient(registry.uri)
    logged = client.get_run(run.run_id)
    assert logged.data.params == {"encoder": "static"}
    assert logged.data.metrics == {"oracle_share": 0.6, "ece_direct": 0.02}
    assert logged.data.tags["data.digest"] == LINEAGE.digest
    assert logged.inputs.dataset_inputs[0].dataset.digest == LINEAGE.digest[:36]
    children = client.search_runs([logged.info.experiment_id], f"tags.mlflow.parentRunId = '{run.run_id}'")
    assert {child.info.run_name: child.data.metrics for child in children} == {
        "t": {"value": 0.5},
        "dr": {"value": 0.6},
    }
    assert [file.path for file in client.list_artifacts(run.run_id, "report")] == ["report/report.html"]
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{version.name}/{version.version}"))
    for name in ("model.onnx", "manifest.json", "golden.json", "tokenizer.json"):
        assert (folder / name).read_bytes() == (bundle / name).read_bytes()
    assert not [file for file in folder.rglob("*") if file.suffix in {".pkl", ".pickle", ".joblib"}]
    info = mlflow.models.get_model_info(str(folder))
    assert [tensor.name for tensor in info.signature.inputs] == ["features"]
    assert json.loads((folder / "input_example.json").read_text()) == []
    loaded = mlflow.pyfunc.load_model(str(folder))
    rows = np.array([[1.0, 2.0]], dtype=np.float32)
    assert loaded.predict({"features": rows})["success"].tolist() == rows.tolist()


def test_promotion_moves_the_champion_and_keeps_the_previous(registry: Registry, bundle: Path) -> None:
    versions = []
    for _ in range(2):
        with registry.run("train") as run:
            versions.append(run.register(bundle))
    assert registry.alias(CHAMPION) is None
    for version in (*versions, versions[1]):
        registry.promote(version)
    champion, previous = registry.alias(CHAMPION), registry.alias(PREVIOUS)
    assert champion is not None
    assert previous is not None
    assert (champion.version, previous.version) == (versions[1].version, versions[0].version)


def test_an_exception_marks_the_run_failed(registry: Registry) -> None:
    with pytest.raises(RuntimeError), registry.run("train") as run:
        raise RuntimeError
    assert MlflowClient(registry.uri).get_run(run.run_id).info.status == "FAILED"


def test_a_store_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database, but long enough to be read as one" * 9)
    with (
        pytest.raises(RegistryUnreachable, match="can't be opened"),
        Registry(f"sqlite:///{tmp_path / 'mlflow.db'}").run("train"),
    ):
        pass
