"""The training pipeline: outcome records -> data set -> encoder -> model -> evaluation -> bundle -> MLflow.

A little long, because every setting and every step of a training run is named here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from serving.decision import FloatArray
from training.backends import BackendSettings, RecordSource, open_backend
from training.dataset import LEARN_FROM, Dataset, DrawnSample
from training.encoders import CACHE, Encoder, build_static, build_transformer
from training.evaluation import Evaluation, ReportTitles, evaluate_out_of_fold
from training.explain import KeepCases, companion_folder, write_cases, write_heads
from training.export import ExportedBundle, check_destination, export_bundle
from training.models import ONE_THREAD, STANDARD, FitSettings, Fitted, fit, tune
from training.pipeline.provenance import lineage_of
from training.progress import Progress, silent
from training.promotion import CHAMPION, CandidateRun, DataLineage, Registry, Run, Version
from training.records import History
from training.report import write_report

STATIC, TRANSFORMER = "static", "transformer"
COMPARED = 500
"""Training prompts on which the graph is compared with LightGBM before a bundle is written."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Settings of `thinkgate train`.

    Parameters
    ----------
    encoder
        `static`, `transformer`, or `transformer:NAME` with a sentence-transformers id or path.
    teacher
        Whose token vectors the static encoder distils; None is the built-in MiniLM.
    registry
        MLflow tracking URI, None to log nowhere.
    epsilon, delta
        Of the certificate.
    tune_minutes
        Minutes of tuning the trees; 0 for no tuning.
    learn_from
        Largest number of training prompts; a seeded sample of a longer history.
    baselines
        Fit kNN, logistic regression and matrix factorisation too, for the report's comparison.
    report
        Where the report goes; None: beside the bundle, `OUT-report/`.
    cases
        What `OUT-explain/` keeps of the prompts, for `thinkgate decide --explain`.
    engine
        Backend that reads and encodes records, and learns success and uplift.
    """

    arms: Path | None = None
    encoder: str = STATIC
    teacher: str | None = None
    cache: Path = CACHE
    registry: str | None = None
    artifacts: Path | None = None
    epsilon: float = 0.02
    delta: float = 0.1
    report: Path | None = None
    quarantine: Path | None = None
    resamples: int = 500
    learn_from: int = LEARN_FROM
    baselines: bool = True
    tune_minutes: float = 0.0
    fit: FitSettings = STANDARD
    cases: KeepCases = "redacted"
    engine: BackendSettings = BackendSettings()


@dataclass(frozen=True, slots=True, eq=False)
class LearntModel:
    """Result of learning, after the backend is closed: local prompts, their float32 (n, P) design rows, and the fit.

    Parameters
    ----------
    prompts
        Number that success and uplift were learnt from; on a cluster it may exceed the local prompts.
    """

    history: History
    drawn: DrawnSample
    encoder: Encoder
    x: FloatArray
    fitted: Fitted
    settings: FitSettings
    prompts: int

    @property
    def dataset(self) -> Dataset:
        """The local prompts."""
        return self.drawn.dataset

    @property
    def note(self) -> str:
        """Note of the report for a sampled history."""
        if self.prompts == len(self.dataset):
            return f"Trained and evaluated on {self.drawn}, drawn at random."
        return (
            f"Success and uplift were learnt from {self.prompts:,} prompts; all else was learnt from, and everything "
            f"evaluated on, {self.drawn}, drawn at random."
        )


@dataclass(frozen=True, slots=True)
class Trained:
    """Outputs of one training run."""

    history: History
    dataset: Dataset
    fitted: Fitted
    evaluation: Evaluation
    exported: ExportedBundle
    report: Path
    version: Version | None


def train(
    data: Sequence[str], out: Path, settings: TrainSettings | None = None, progress: Progress = silent
) -> Trained:
    """Train a bundle from outcome records.

    Parameters
    ----------
    data
        Files, folders or globs.
    out
        The bundle's folder.

    Raises
    ------
    BadHistory, BadArms, DestinationTaken, TeacherMissing, TeacherRefused, RegistryUnreachable, ClusterError
        Each message names the cure.
    """
    settings = settings or TrainSettings()
    check_destination(out)
    if settings.registry is None:
        return _train(data, out, settings, progress, None)
    registry = Registry(settings.registry, settings.artifacts)
    with registry.run(f"train {out.name}") as run:
        trained = _train(data, out, settings, progress, run)
    if trained.version is not None and registry.alias(CHAMPION) is None:
        registry.promote(trained.version)
    return trained


def encoder_for(dataset: Dataset, settings: TrainSettings, progress: Progress = silent) -> Encoder:
    """Build the encoder that the settings name."""
    kind, _, teacher = settings.encoder.partition(":")
    if kind == TRANSFORMER:
        return build_transformer(teacher or settings.teacher, settings.cache, progress=progress)
    return build_static(settings.teacher, dataset.requests, settings.cache, progress=progress)


def learn(data: Sequence[str], settings: TrainSettings, progress: Progress = silent) -> LearntModel:
    """Read, encode and fit on the backend that the settings name, and close it."""
    with open_backend(settings.engine) as engine:
        source = RecordSource(data, settings.arms, settings.quarantine, settings.learn_from, settings.fit.seed)
        history, drawn = engine.read(source, progress)
        dataset = drawn.dataset
        if not drawn.is_complete:
            progress(f"take {drawn}", 0, 0)
        encoder = encoder_for(dataset, settings, progress)
        x = engine.design(encoder, dataset, progress)
        how = settings.fit
        if settings.tune_minutes > 0:
            how = replace(how, trees=tune(dataset, x, how, settings.tune_minutes, progress).trees, fine=None)
        with threadpool_limits(1, ONE_THREAD):
            trainers = engine.trainer_factory(how.folds)
            fitted = fit(dataset, x, how, progress, trainers)
    return LearntModel(history, drawn, encoder, x, fitted, how, trainers.prompts if trainers else len(dataset))


def _train(data: Sequence[str], out: Path, settings: TrainSettings, progress: Progress, run: Run | None) -> Trained:
    learnt = learn(data, settings, progress)
    history, dataset, encoder, x, fitted = learnt.history, learnt.dataset, learnt.encoder, learnt.x, learnt.fitted
    settings = replace(settings, fit=learnt.settings)
    titles = ReportTitles("Does thinking pay?", ", ".join(data), history.synthetic)
    features = x[:, 2 * encoder.dims :]
    with threadpool_limits(1, ONE_THREAD):
        evaluation = evaluate_out_of_fold(
            titles, dataset, fitted, _embedding(encoder, x), features, settings, x=x, progress=progress
        )
    if not learnt.drawn.is_complete:
        evaluation = replace(evaluation, notes=(*evaluation.notes, learnt.note))
    progress("export and prove", 0, 0)
    lineage = lineage_of(history, learnt.drawn, fitted, evaluation, run.run_id if run else None, learnt.prompts)
    exported = export_bundle(fitted.model, encoder, dataset.arms, out, lineage, compare=dataset.requests[:COMPARED])
    folder = settings.report or out.with_name(f"{out.name}-report")
    report = write_report(evaluation, folder)
    _write_explain(dataset, fitted, _embedding(encoder, x), exported, settings)
    trained = Trained(history, dataset, fitted, evaluation, exported, report, None)
    if run is None:
        return trained
    progress("log to MLflow", 0, 0)
    return replace(trained, version=_log(run, trained, settings, ", ".join(data)))


def _write_explain(
    dataset: Dataset, fitted: Fitted, embedding: FloatArray, exported: ExportedBundle, settings: TrainSettings
) -> None:
    """Write the explanation data beside the bundle, apart from the report, which may go to a registry."""
    folder = companion_folder(exported.path)
    write_heads(fitted.model, exported.bundle.bundle_id, folder)
    write_cases(dataset, embedding, folder, settings.cases)


def _log(run: Run, trained: Trained, settings: TrainSettings, source: str) -> Version:
    data = trained.exported.bundle.manifest.data
    run.params(
        {
            "encoder": trained.exported.bundle.manifest.encoder.name,
            "arms": ",".join(arm.name for arm in trained.dataset.arms),
            "bundle_id": trained.exported.bundle.bundle_id,
            **{key: value for key, value in asdict(settings.fit).items() if key not in ("trees", "fine")},
            **asdict(trained.fitted.trees),
        }
    )
    run.metrics({**trained.evaluation.metrics, "parity": trained.exported.difference})
    run.data(DataLineage(source, data.digest, data.rows, data.prompts, data.start, data.end))
    run.candidates(
        [
            CandidateRun(
                learner.name,
                {"outcome": learner.outcome, "success_weight": learner.weight},
                {"policy_area": learner.value},
            )
            for learner in trained.fitted.learners
        ]
    )
    run.artifacts(trained.report.parent)
    return run.register(trained.exported.path)


def _embedding(encoder: Encoder, x: FloatArray) -> FloatArray:
    return x[:, : encoder.dims]
