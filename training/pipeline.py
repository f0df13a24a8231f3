"""The whole way, once: outcome records -> data set -> encoder -> model -> evaluation -> bundle -> MLflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from serving.decision.arms import load_arms
from serving.decision.types import Arm, FloatArray
from training.appraisal import appraise
from training.dataset import Dataset, build, default_arms
from training.encoder import Encoder, build_static, design
from training.errors import HistoryEmpty, TooLittleToLearn
from training.evaluation import Titles
from training.explaining.cases import KeepCases, write_cases
from training.explaining.explain import beside
from training.explaining.heads import write_heads
from training.export import Exported, check_out, export
from training.figures import Evaluation
from training.fit import STANDARD, FitSettings, Fitted, fit
from training.history import History, read
from training.lineage import lineage_of
from training.overlap import require_overlap
from training.plots import write_pngs
from training.progress import Progress, silent
from training.registry import CHAMPION, Candidate, DataLineage, Registry, Run, Version
from training.report import to_json, write
from training.sampling import LEARN_FROM, draw
from training.transformer import build_transformer
from training.tuning import tune

CACHE = Path.home() / ".cache" / "thinkgate"
ONE_THREAD = "blas"
"""Matrices here are small: threads of the linear algebra would mostly wait for each other. LightGBM keeps its own."""
STATIC, TRANSFORMER = "static", "transformer"
COMPARED = 500
"""Training prompts on which the graph is compared with LightGBM before a bundle is written."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What `thinkgate train` can be told.

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
        Time to look for better trees; 0 takes them as they are.
    learn_from
        Prompts that are learnt from, at most; a seeded draw of a longer history.
    rivals
        Learn kNN, logistic regression and matrix factorisation too, for the report's comparison.
    report
        Where the report goes; None: beside the bundle, `OUT-report/`.
    cases
        What `OUT-explain/` keeps of the prompts, for `thinkgate decide --explain`.
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
    rivals: bool = True
    tune_minutes: float = 0.0
    fit: FitSettings = STANDARD
    cases: KeepCases = "redacted"


@dataclass(frozen=True, slots=True)
class Trained:
    """What one training run left behind."""

    history: History
    dataset: Dataset
    fitted: Fitted
    evaluation: Evaluation
    exported: Exported
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
    BadHistory, BadArms, OutTaken, TeacherMissing, TeacherRefused, RegistryUnreachable
        Each message names the cure.
    """
    settings = settings or TrainSettings()
    check_out(out)
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


def read_dataset(data: Sequence[str], settings: TrainSettings, progress: Progress = silent) -> tuple[History, Dataset]:
    """Read records and put them into one row per prompt."""
    arms: tuple[Arm, ...] | None = load_arms(settings.arms) if settings.arms else None
    history = read(data, arms=arms, quarantine=settings.quarantine, progress=progress)
    require_rows(history)
    try:
        return history, build(history.frame, arms or default_arms(history.frame))
    except TooLittleToLearn as error:
        lost = history.counts.read - history.counts.kept
        if not lost:
            raise
        where = f"they are in {history.quarantine}" if history.quarantine else f"first: {history.examples[0].reason}"
        raise TooLittleToLearn(f"{error}. {lost} of {history.counts.read} rows could not be used: {where}") from error


def require_rows(history: History) -> None:
    """Refuse a history of which not one row can be used.

    Raises
    ------
    HistoryEmpty
        Names the most frequent reason and the first bad row.
    """
    counts = history.counts
    if counts.kept or not counts.quarantined:
        return
    reason = max(counts.quarantined, key=lambda name: counts.quarantined[name])
    first = history.examples[0]
    raise HistoryEmpty(
        f"none of {counts.read} rows can be used, most often because of {reason}: {first.source}, line {first.line}: "
        f"{first.reason}; mend the rows" + (f", they are in {history.quarantine}" if history.quarantine else "")
    )


def _train(data: Sequence[str], out: Path, settings: TrainSettings, progress: Progress, run: Run | None) -> Trained:
    history, whole = read_dataset(data, settings, progress)
    require_overlap(whole)  # before anything takes minutes
    drawn = draw(whole, settings.learn_from, settings.fit.seed)
    dataset = drawn.dataset
    del whole  # of a million prompts it is a gigabyte
    if not drawn.whole:
        progress(f"take {drawn}", 0, 0)
    encoder = encoder_for(dataset, settings, progress)
    x = design(encoder, dataset.requests, progress)
    if settings.tune_minutes > 0:
        tuned = tune(dataset, x, settings.fit, settings.tune_minutes, progress)
        settings = replace(settings, fit=replace(settings.fit, trees=tuned.trees, fine=None))
    with threadpool_limits(1, ONE_THREAD):
        fitted = fit(dataset, x, settings.fit, progress)
    titles = Titles("Does thinking pay?", ", ".join(data), is_synthetic(history))
    features = x[:, 2 * encoder.dims :]
    with threadpool_limits(1, ONE_THREAD):
        evaluation = appraise(
            titles, dataset, fitted, _embedding(encoder, x), features, settings, x=x, progress=progress
        )
    if not drawn.whole:
        evaluation = replace(
            evaluation, notes=(*evaluation.notes, f"Learnt from and judged on {drawn}, drawn at random.")
        )
    progress("export and prove", 0, 0)
    lineage = lineage_of(history, drawn, fitted, evaluation, run.run_id if run else None)
    exported = export(fitted.model, encoder, dataset.arms, out, lineage, compare=dataset.requests[:COMPARED])
    folder = settings.report or out.with_name(f"{out.name}-report")
    report = write_report(evaluation, folder)
    _write_explain(dataset, fitted, _embedding(encoder, x), exported, settings)
    trained = Trained(history, dataset, fitted, evaluation, exported, report, None)
    if run is None:
        return trained
    progress("log to MLflow", 0, 0)
    return replace(trained, version=_log(run, trained, settings, ", ".join(data)))


def _write_explain(
    dataset: Dataset, fitted: Fitted, embedding: FloatArray, exported: Exported, settings: TrainSettings
) -> None:
    """Write what explains decisions beside the bundle; apart from the report, which a registry may get."""
    folder = beside(exported.path)
    write_heads(fitted.model, exported.bundle.bundle_id, folder)
    write_cases(dataset, embedding, folder, settings.cases)


def write_report(evaluation: Evaluation, folder: Path) -> Path:
    """Write the HTML report, its plots as PNG and all figures as JSON into a folder; gives the HTML file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(to_json(evaluation), encoding="utf-8")
    write_pngs(evaluation, folder)
    return write(evaluation, folder / "report.html")


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
            Candidate(
                learner.name,
                {"outcome": learner.outcome, "success_weight": learner.weight},
                {"policy_area": learner.value},
            )
            for learner in trained.fitted.learners
        ]
    )
    run.artifacts(trained.report.parent)
    return run.register(trained.exported.path)


def is_synthetic(history: History) -> bool:
    """Say whether any row calls itself synthetic."""
    return "source" in history.frame and bool((history.frame["source"].astype(str) == "synthetic").any())


def _embedding(encoder: Encoder, x: FloatArray) -> FloatArray:
    return x[:, : encoder.dims]


__all__ = ["CACHE", "TrainSettings", "Trained", "encoder_for", "read_dataset", "train", "write_report"]
