"""Model registry on MLflow: runs, lineage, versions, and the aliases champion, previous and canary.

Works on any tracking URI (sqlite file, folder, server). Nothing is pickled: the registered version carries the bundle
files themselves, with the `onnx` flavour pointing at them, so `mlflow.onnx.load_model` and thinkgate's server read the
same bytes.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import onnx
from mlflow import MlflowClient, pyfunc
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec
from sqlalchemy.exc import SQLAlchemyError

from training.errors import TrainingError

MODEL_NAME = "thinkgate"
CHAMPION = "champion"
PREVIOUS = "previous"
CANARY = "canary"
_BUNDLE = "bundle"


class RegistryUnreachable(TrainingError):
    """The MLflow store can't be opened; the message names the URI."""


@dataclass(frozen=True, slots=True)
class DataLineage:
    """Where the rows came from.

    Parameters
    ----------
    source
        Paths as the operator gave them.
    digest
        Content hash of the kept rows.
    start, end
        ISO times of the first and the last row, None where rows carry no time.
    """

    source: str
    digest: str
    rows: int
    prompts: int
    start: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class CandidateRun:
    """One candidate learner; becomes a child run."""

    name: str
    params: Mapping[str, str | float]
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Version:
    """A registered model version."""

    name: str
    version: str
    run_id: str


class _Outcomes(MetaDataset):
    """The data set by its name and digest; MLflow's class leaves `profile` abstract."""

    @property
    def profile(self) -> None:
        """None: the tags carry everything."""


class Run:
    """One open MLflow run."""

    def __init__(self, run_id: str, experiment_id: str) -> None:
        self.run_id = run_id
        self._experiment_id = experiment_id

    def params(self, params: Mapping[str, object]) -> None:
        """Log parameters; values are cut to what every store takes."""
        mlflow.log_params({key: str(value)[:500] for key, value in params.items()})

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Log finite metrics; NaN and infinity have no place in a store."""
        finite = {_metric_name(key): float(value) for key, value in metrics.items() if np.isfinite(value)}
        if finite:
            mlflow.log_metrics(finite)

    def data(self, lineage: DataLineage) -> None:
        """Log the data set: digest, rows and time range."""
        source = CodeDatasetSource(tags={"source": lineage.source})
        dataset = _Outcomes(source=source, name="outcomes", digest=lineage.digest[:36])
        mlflow.log_input(dataset, context="training", tags=_tags(lineage))
        mlflow.set_tags({f"data.{key}": value for key, value in _tags(lineage).items()})

    def candidates(self, candidates: Sequence[CandidateRun]) -> None:
        """Log each candidate learner as a child run."""
        for candidate in candidates:
            with mlflow.start_run(experiment_id=self._experiment_id, run_name=candidate.name, nested=True):
                self.params(candidate.params)
                self.metrics(candidate.metrics)

    def artifacts(self, folder: Path) -> None:
        """Log every file of a folder (plots, report, evaluation)."""
        mlflow.log_artifacts(str(folder), artifact_path="report")

    def register(self, bundle: Path, model_name: str = MODEL_NAME) -> Version:
        """Log the bundle as a model and register it as a new version."""
        info = Model.log(
            artifact_path=None,
            name=_BUNDLE,
            flavor=sys.modules[__name__],
            registered_model_name=model_name,
            await_registration_for=60,
            signature=signature(bundle),
            bundle=bundle,
        )
        return Version(model_name, str(info.registered_model_version), self.run_id)


class Registry:
    """A store of runs and model versions.

    Parameters
    ----------
    uri
        MLflow tracking URI, e.g. `sqlite:///var/mlflow.db`.
    artifacts
        Where a sqlite store keeps files, `mlflow-artifacts` beside it by default; servers decide for themselves.
    """

    def __init__(self, uri: str, artifacts: Path | None = None, experiment: str = "thinkgate") -> None:
        self.uri = uri
        self._experiment = experiment
        self._artifacts = artifacts
        if uri.startswith("sqlite:///"):
            store = Path(uri.removeprefix("sqlite:///"))
            store.parent.mkdir(parents=True, exist_ok=True)
            self._artifacts = artifacts or store.parent / "mlflow-artifacts"
        try:
            self._client = MlflowClient(tracking_uri=uri)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise RegistryUnreachable(f"MLflow store {uri} can't be opened: {_first_line(error)}") from error

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str] | None = None) -> Iterator[Run]:
        """Open a run; an exception inside marks it FAILED."""
        mlflow.set_tracking_uri(self.uri)
        try:
            experiment_id = self._experiment_id()
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise RegistryUnreachable(f"MLflow store {self.uri} can't be opened: {_first_line(error)}") from error
        with mlflow.start_run(experiment_id=experiment_id, run_name=name, tags=dict(tags or {})) as active:
            yield Run(active.info.run_id, experiment_id)

    def alias(self, name: str, model_name: str = MODEL_NAME) -> Version | None:
        """Return the version that an alias names, None without one."""
        try:
            found = self._client.get_model_version_by_alias(model_name, name)
        except MlflowException:
            return None
        return Version(model_name, str(found.version), found.run_id or "")

    def promote(self, version: Version) -> None:
        """Move `champion` to a version; the old champion becomes `previous`, and a canary ends."""
        if self.alias(CANARY, version.name) is not None:
            self.point(CANARY, version)
        champion = self.alias(CHAMPION, version.name)
        if champion is not None and champion.version == version.version:
            return
        if champion is not None:
            self.point(PREVIOUS, champion)
        self.point(CHAMPION, version)

    def point(self, alias: str, version: Version) -> None:
        """Let an alias name a version."""
        self._client.set_registered_model_alias(version.name, alias, version.version)

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        if found is not None:
            return str(found.experiment_id)
        location = self._artifacts.resolve().as_uri() if self._artifacts else None
        return str(self._client.create_experiment(self._experiment, artifact_location=location))


def save_model(path: str, mlflow_model: Model, bundle: Path, signature: ModelSignature) -> None:
    """Write a bundle as an MLflow model (MLflow calls this: the module is its own flavour)."""
    target = Path(path)
    shutil.copytree(bundle, target, dirs_exist_ok=True)
    data = "model.onnx"  # beside MLmodel, where MLflow's onnx flavour looks for it
    mlflow_model.signature = signature
    (target / "input_example.json").write_text((bundle / "golden.json").read_text(encoding="utf-8"), encoding="utf-8")
    mlflow_model.saved_input_example_info = {"artifact_path": "input_example.json", "type": "json_object"}
    pyfunc.add_to_model(mlflow_model, loader_module="mlflow.onnx", data=data, python_env="python_env.yaml")
    mlflow_model.add_flavor("onnx", onnx_version=onnx.__version__, data=data, providers=["CPUExecutionProvider"])
    mlflow_model.metadata = {"bundle_id": json.loads((bundle / "manifest.json").read_text("utf-8"))["bundle_id"]}
    (target / "requirements.txt").write_text("mlflow\nonnx\nonnxruntime\n", encoding="utf-8")
    (target / "python_env.yaml").write_text("dependencies:\n- -r requirements.txt\n", encoding="utf-8")
    mlflow_model.save(str(target / "MLmodel"))


def signature(bundle: Path) -> ModelSignature:
    """Read the signature off the graph: tensor names, types and shapes."""
    graph = onnx.load(str(bundle / "model.onnx")).graph
    return ModelSignature(inputs=_schema(graph.input), outputs=_schema(graph.output))


def _schema(values: Sequence[onnx.ValueInfoProto]) -> Schema:
    specs: list[ColSpec | TensorSpec] = []
    for value in values:
        tensor = value.type.tensor_type
        shape = tuple(dim.dim_value if dim.HasField("dim_value") else -1 for dim in tensor.shape.dim)
        specs.append(TensorSpec(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)), shape, value.name))
    return Schema(specs)


def _tags(lineage: DataLineage) -> dict[str, str]:
    return {
        "source": lineage.source[:500],
        "digest": lineage.digest,
        "rows": str(lineage.rows),
        "prompts": str(lineage.prompts),
        "start": lineage.start or "unknown",
        "end": lineage.end or "unknown",
    }


def _metric_name(name: str) -> str:
    return "".join(char if char.isalnum() or char in "_-./ " else "_" for char in name)


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
