"""Replays a history or a journal under a policy and estimates the savings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from serving.decision import Arm, BadInput, Engine
from serving.decision.bundle import Bundle, load_bundle
from serving.decision.policy import Policy, load_arms, load_policy
from serving.decision.prior import PriorModel
from serving.journal import Store
from training.dataset import build_dataset
from training.progress import Progress, silent
from training.records import read, require_rows
from training.savings.estimate import estimate_savings
from training.savings.evidence import MINIMUM, Evidence
from training.savings.from_history import from_history
from training.savings.from_journal import from_journal
from training.savings.results import Savings

JOURNAL = ("sqlite:", "postgres:", "postgresql:")


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """Settings of `thinkgate savings`.

    Parameters
    ----------
    bundle
        Its forecasts decide; None for the prior alone.
    arms
        `arms.toml` with the prices that count; the bundle's own arms where None.
    requests_per_day
        From the timestamps where None.
    snips
        Logged requests by SNIPS instead of DR.
    """

    bundle: Path | None = None
    arms: Path | None = None
    policy: Path | None = None
    requests_per_day: float | None = None
    snips: bool = False
    resamples: int = 500
    quarantine: Path | None = None


def replay_traffic(data: Sequence[str], settings: ReplaySettings, progress: Progress = silent) -> Savings:
    """Replay a history or a journal.

    Parameters
    ----------
    data
        Outcome records (files, folders, globs), or one journal URL.

    Raises
    ------
    BadInput
        Each message names the cure.
    """
    model = None if settings.bundle is None else load_bundle(settings.bundle)
    arms = _arms(model, settings)
    policy = load_policy(settings.policy, arms) if settings.policy else Policy()
    prior = PriorModel(arms)
    engine = Engine(model or prior, policy, arms=arms, prior=prior)
    journals = [source for source in data if source.startswith(JOURNAL)]
    if journals and len(data) > 1:
        raise BadInput("name one journal, or files of outcome records, not both")
    evidence = (
        _journal(journals[0], engine, settings) if journals else _history(data, model, engine, settings, progress)
    )
    progress("resample", 0, 0)
    named = "the journal" if journals else ", ".join(data)  # a URL may hold a password
    return estimate_savings(named, evidence, snips=settings.snips, resamples=settings.resamples)


def _arms(model: Bundle | None, settings: ReplaySettings) -> tuple[Arm, ...]:
    if settings.arms is not None:
        return load_arms(settings.arms)
    if model is None:
        raise BadInput("name a bundle with --bundle, or the arms with --arms: their prices make the savings")
    return model.arms


def _journal(url: str, engine: Engine, settings: ReplaySettings) -> Evidence:
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not path.is_file():
        raise BadInput(f"{path} is not there: name the journal that the server writes (--journal)")
    store = Store(url)
    try:
        return from_journal(store.entries(), engine.bound_policy, settings.requests_per_day)
    except SQLAlchemyError as error:
        raise BadInput(f"the journal can't be read ({type(error).__name__}): is it up, and is it a journal?") from None
    finally:
        store.close()


def _history(
    data: Sequence[str], model: Bundle | None, engine: Engine, settings: ReplaySettings, progress: Progress
) -> Evidence:
    history = read(data, arms=engine.arms, quarantine=settings.quarantine, progress=progress)
    require_rows(history)
    dataset = build_dataset(history.frame, engine.arms, minimum=MINIMUM)
    evidence = from_history(dataset, engine, settings.requests_per_day, progress)
    synthetic = "source" in history.frame and bool((history.frame["source"].astype(str) == "synthetic").any())
    return evidence.noting(_warnings(history.digest, model, synthetic))


def _warnings(digest: str, model: Bundle | None, synthetic: bool) -> tuple[str, ...]:
    notes = ("SYNTHETIC data: generated prompts and outcomes",) if synthetic else ()
    if model is None:
        return (*notes, "decided by prior knowledge of task types alone: no bundle was named")
    if model.manifest.data.digest == digest:
        return (*notes, "the bundle was trained on these very records: the figures are too good, use newer ones")
    return notes
