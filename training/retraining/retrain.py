"""One retraining run: trains a challenger, compares it with the champion at the gate, and promotes it or not.

One run at a time holds the folder's lock. A run is keyed by its data and settings: repeated with the same rows it
returns the stored verdict and makes no new version, and after a kill it resumes.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

import pandas as pd

from serving.decision import Arm, BadInput
from serving.decision.bundle import MANIFEST, Bundle, load_bundle
from serving.decision.policy import Policy, bind_policy, load_arms, load_policy
from serving.decision.pricing import price_book
from training.pipeline import TrainSettings, train
from training.progress import Progress, silent
from training.promotion import (
    DataLineage,
    GateExpectation,
    GateLog,
    GateRecord,
    GateSettings,
    GateVerdict,
    HistorySplit,
    Promote,
    PublishFolders,
    Registry,
    Run,
    forecast,
    held_out,
    publish,
    run_gate,
    split_newest,
)
from training.records import History, read, require_rows
from training.retraining.inputs import ExportedJournal, exclusive_lock, gather_inputs

_COLUMNS: Final = (
    "request_id prompt_id prompt messages arm success propensity input_tokens cached_input_tokens output_tokens"
    " reasoning_tokens cost_usd gpu_seconds latency_ms retries failure_mode model task tenant session_id timestamp"
    " source"
).split()


@dataclass(frozen=True, slots=True)
class RetrainSettings:
    """Settings of `thinkgate retrain`.

    Parameters
    ----------
    work
        Folder of locks, exports and challengers; the same one for every run.
    registry
        MLflow tracking URI.
    journal
        URL of the server's journal; None to learn from records alone.
    history
        Outcome records beside it.
    policy
        `policy.toml` that both bundles decide under; the default policy where None.
    held_out
        Share of the newest calls that is held out for the gate.
    last_s
        Only calls of the last so many seconds before the newest count; None for all. After a change of
        the traffic or the models older calls mislead.
    after
        Epoch seconds before which calls don't count; None for all.
    publish
        Folder that a server watches (`--bundle`); the champion is copied there.
    canary_first
        A promoted bundle becomes the canary first; live outcomes make it champion (`thinkgate watch`).
    canary
        Folder that a server watches (`--canary`); the canary is copied there.
    train
        How a challenger is trained; `registry` and `report` of it are not read.
    """

    work: Path
    registry: str
    journal: str | None = None
    history: tuple[str, ...] = ()
    policy: Path | None = None
    held_out: float = 0.2
    last_s: float | None = None
    after: float | None = None
    publish: Path | None = None
    canary_first: bool = False
    canary: Path | None = None
    gate: GateSettings = field(default_factory=GateSettings)
    train: TrainSettings = field(default_factory=TrainSettings)


@dataclass(frozen=True, slots=True)
class RetrainResult:
    """Result of one run.

    Parameters
    ----------
    repeated
        The verdict was stored by an earlier run.
    exported
        Counts of the journal export; None without a journal.
    comparison
        None for the first champion, or for a stored verdict.
    """

    entry: GateRecord
    repeated: bool
    exported: ExportedJournal | None = None
    comparison: GateVerdict | None = None


def retrain(settings: RetrainSettings, progress: Progress = silent) -> RetrainResult:
    """Train a challenger on all but the newest window, compare it with the champion there, and promote it or not.

    Raises
    ------
    RunInProgress
        Another run holds the lock.
    BadInput
        The journal or the records can't be used; the message names the cure.
    """
    settings.work.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(settings.work / "lock"):
        inputs = gather_inputs(settings.journal, settings.history, settings.work, progress)
        history = read(inputs.sources, quarantine=settings.work / "rows.quarantine.jsonl", progress=progress)
        require_rows(history)
        key = _key(history.digest, settings)
        gate_log = GateLog(Registry(settings.registry, settings.train.artifacts))
        found = gate_log.find(key)
        if found is not None:
            return RetrainResult(found, True, inputs.exported)
        return _run(settings, gate_log, history, key, inputs.exported, progress)


def _key(digest: str, settings: RetrainSettings) -> str:
    """Hash the data and every setting that changes the result; paths and stores do not count."""
    policy = settings.policy.read_text("utf-8") if settings.policy else ""
    arms = settings.train.arms.read_text("utf-8") if settings.train.arms else ""
    how = settings.train
    training = (asdict(how.fit), how.encoder, how.learn_from)
    key = (settings.held_out, settings.last_s, settings.after, asdict(settings.gate), *training, policy, arms)
    return hashlib.sha256(f"{digest} {key}".encode()).hexdigest()[:16]


def _run(
    settings: RetrainSettings,
    gate_log: GateLog,
    history: History,
    key: str,
    exported: ExportedJournal | None,
    progress: Progress,
) -> RetrainResult:
    split = split_newest(history.frame, settings.held_out, settings.last_s, settings.after)
    folder = settings.work / key
    folder.mkdir(exist_ok=True)
    challenger = _challenger(split, folder, settings, progress)
    registered = gate_log.registered(key)
    champion = gate_log.champion(registered)
    champion_bundle = None if champion is None else load_bundle(gate_log.fetch(champion, folder / "champion"))
    progress("compare", 0, 0)
    comparison = None if champion_bundle is None else _compare(settings, split, champion_bundle, challenger, folder)
    with gate_log.run(key, {"retrain.cut": str(split.since), "retrain.seen": str(split.seen)}) as run:
        _log(run, settings, history, comparison)
        entry = _entry(key, challenger, champion_bundle, comparison)
        if entry.verdict == "promote":
            version = registered or run.register(folder / "bundle")
            entry = replace(
                entry, version=version.version, canary=champion_bundle is not None and settings.canary_first
            )
            publish(
                gate_log, version, folder / "bundle", PublishFolders(settings.publish, settings.canary), entry.canary
            )
        gate_log.write(run, entry)
    return RetrainResult(entry, False, exported, comparison)


def _challenger(split: HistorySplit, folder: Path, settings: RetrainSettings, progress: Progress) -> Bundle:
    """Train the challenger, unless a killed run with the same key has done so already."""
    bundle = folder / "bundle"
    if not (bundle / MANIFEST).is_file():
        rows = folder / "older.parquet"
        kept = [name for name in _COLUMNS if name in split.older]
        plain = split.older[kept].astype(
            {name: object for name in kept if isinstance(split.older[name].dtype, pd.CategoricalDtype)}
        )
        plain.to_parquet(rows, index=False)
        quarantine = folder / "older.quarantine.jsonl"
        how = replace(settings.train, registry=None, report=folder / "report", quarantine=quarantine, baselines=False)
        train([str(rows)], bundle, how, progress)
    return load_bundle(bundle)


def _compare(
    settings: RetrainSettings, split: HistorySplit, champion: Bundle, challenger: Bundle, folder: Path
) -> GateVerdict:
    arms = _priced(champion, settings)
    names = [[(arm.name, arm.model, arm.effort) for arm in bundle.arms] for bundle in (champion, challenger)]
    if names[0] != names[1]:
        raise BadInput("the champion has other arms than these records: retrain under a new registry, or name --arms")
    policy = load_policy(settings.policy, arms) if settings.policy else Policy()
    bound_policy = bind_policy(arms, policy, price_book(arms))
    held = held_out(split.newer, bound_policy)
    forecasts = [
        forecast(bundle, arms, policy, held, split.since, _size(place))
        for bundle, place in ((champion, folder / "champion"), (challenger, folder / "bundle"))
    ]
    return run_gate(held.window, forecasts[0], forecasts[1], settings.gate)


def _priced(bundle: Bundle, settings: RetrainSettings) -> tuple[Arm, ...]:
    if settings.train.arms is None:
        return bundle.arms
    priced = {arm.name: arm for arm in load_arms(settings.train.arms)}
    if set(priced) != {arm.name for arm in bundle.arms}:
        raise BadInput(f"{settings.train.arms} has other arms than the champion: promote a first bundle for them")
    return tuple(priced[arm.name] for arm in bundle.arms)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def _entry(key: str, challenger: Bundle, champion: Bundle | None, comparison: GateVerdict | None) -> GateRecord:
    if comparison is None or champion is None:
        return GateRecord(key, "promote", "first", "there was no champion", challenger.bundle_id)
    verdict = comparison.verdict
    expected = GateExpectation.of(comparison.challenger)
    if isinstance(verdict, Promote):
        outcome = ("promote", "gain", verdict.reason)
    else:
        outcome = ("keep", verdict.guard, verdict.reason)
    return GateRecord(key, *outcome, challenger.bundle_id, champion.bundle_id, expected=expected)


def _log(run: Run, settings: RetrainSettings, history: History, comparison: GateVerdict | None) -> None:
    start, end = (moment.isoformat() if moment else None for moment in (history.start, history.end))
    sources = ", ".join(
        [*(["the journal"] if settings.journal else []), *settings.history]
    )  # a URL may hold a password
    run.data(DataLineage(sources, history.digest, history.counts.kept, history.counts.prompts, start, end))
    run.params({"held_out": settings.held_out, **asdict(settings.gate)})
    if comparison is None:
        return
    run.metrics(
        {
            "gain_usd": comparison.gain.value,
            "gain_usd_lower": comparison.gain.lower,
            "gain_usd_upper": comparison.gain.upper,
            "differ": comparison.differ,
            "effective": comparison.effective,
            "window_requests": comparison.requests,
            "window_paired": comparison.paired,
            "brier_change": comparison.brier.value,
            **{f"gain_usd.{task}": gain.value for task, gain in comparison.tasks.items()},
        }
    )
