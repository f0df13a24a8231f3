"""Evaluates a finished bundle on records that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from serving.decision.bundle import load_bundle
from training.dataset import Dataset, build_dataset
from training.encoders import CACHE, build_static, design_rows
from training.evaluation.baselines import RouterSample
from training.evaluation.embedding_baselines import fit_baselines
from training.evaluation.evaluate import ReportTitles, evaluate_model
from training.evaluation.held_out import OURS, Forecasts, build_held_out, labelled_tasks, target_policies
from training.evaluation.logged_history import LOGGED_NOTES, logged_values
from training.evaluation.policy_simulation import simulate_policy
from training.evaluation.results import Evaluation, UnseenTasks
from training.inference import predictions, stack_field
from training.metrics import LoggedTraffic, RealisedOutcomes, Router, doubly_robust_success
from training.models import ONE_THREAD, folds_of
from training.progress import Progress, silent
from training.records import History, read, require_rows
from training.types import Array, BoolArray

MINIMUM_PROMPTS = 20
"""Fewer labelled prompts are too few to evaluate on."""
SAME_RECORDS_NOTE = (
    "The comparison routers were learnt by cross-validation on these very records, which the bundle "
    "has never seen: that is an advantage for them."
)


@dataclass(frozen=True, slots=True)
class EvaluatedBundle:
    """An evaluation and the records behind it."""

    history: History
    evaluation: Evaluation


def evaluate_bundle(
    bundle: Path, data: Sequence[str], quarantine: Path, progress: Progress = silent, *, cache: Path = CACHE
) -> EvaluatedBundle:
    """Evaluate a bundle on records; rows that can't be used go to `quarantine`.

    Raises
    ------
    BundleRefused, BadHistory
        Each message names the cure.
    """
    model = load_bundle(bundle)
    history = read(data, arms=model.arms, quarantine=quarantine, progress=progress)
    require_rows(history)
    dataset = build_dataset(history.frame, model.arms, minimum=MINIMUM_PROMPTS)
    predicted = list(predictions(model, dataset.requests, progress))
    forecasts = Forecasts.of_predictions(predicted)
    known = np.array([task is not None and str(task) in model.tasks for task in dataset.tasks])
    support = stack_field(predicted, "support")
    held_out = build_held_out(
        dataset,
        _success(dataset, forecasts.success),
        forecasts,
        choices=simulate_policy(model.arms, model.tasks, dataset.requests, predicted),
        support=support[known],
    )
    titles = ReportTitles(f"Evaluation of bundle {model.bundle_id[:12]}", ", ".join(data), history.synthetic)
    ours = Router.from_uplift(OURS, stack_field(predicted, "uplift"))
    routers = (ours, *_baselines(dataset, held_out.outcomes, cache, progress))
    progress("intervals", 0, 0)
    unseen = _unseen(dataset, held_out.outcomes, routers, support, known) if model.tasks else None
    found = evaluate_model(titles, held_out, routers, unseen=unseen)
    if dataset.is_paired:
        return EvaluatedBundle(history, replace(found, notes=(SAME_RECORDS_NOTE,)))
    values = logged_values(dataset, forecasts.success, target_policies(held_out))
    notes = (*LOGGED_NOTES, *values.notes, SAME_RECORDS_NOTE)
    return EvaluatedBundle(history, replace(found, policies=values.policies, notes=notes))


def _baselines(dataset: Dataset, outcomes: RealisedOutcomes, cache: Path, progress: Progress) -> tuple[Router, ...]:
    """Learn the comparison routers by cross-validation on these very records, which is an advantage over the bundle."""
    encoder = build_static(None, dataset.requests, cache, progress=progress)
    x = design_rows(encoder, dataset.requests, progress)
    embedding, features = (np.asarray(part, np.float64) for part in (x[:, : encoder.dims], x[:, 2 * encoder.dims :]))
    fold = folds_of(dataset.tasks, min(5, len(dataset)), np.random.default_rng(0))
    sample = RouterSample(embedding, outcomes.success, labelled_tasks(dataset), features)
    with threadpool_limits(1, ONE_THREAD):
        return fit_baselines(sample, fold, "static embedding", progress)


def _unseen(
    dataset: Dataset, outcomes: RealisedOutcomes, routers: tuple[Router, ...], support: Array, known: BoolArray
) -> UnseenTasks | None:
    """Select the prompts whose task type was not in training; None without enough prompts of both kinds."""
    unseen = ~known & np.array([task is not None for task in dataset.tasks])
    if min(unseen.sum(), known.sum()) < MINIMUM_PROMPTS:
        return None
    arms = [None if router.arm is None else router.arm[unseen] for router in routers]
    part = tuple(Router(r.name, r.score[unseen], arm) for r, arm in zip(routers, arms, strict=True))
    success = RealisedOutcomes(outcomes.success[unseen], realised=outcomes.realised)
    return UnseenTasks(success, part, dataset.tasks[unseen], support[unseen])


def _success(dataset: Dataset, forecast: Array) -> Array:
    """Success per arm, float64 (n, K): realised where every arm is known, else doubly robust."""
    if dataset.is_paired:
        return dataset.success
    arm = np.where(dataset.observed, dataset.propensity, np.inf).argmin(axis=1)
    rows = np.arange(len(dataset))
    log = LoggedTraffic(
        arm, dataset.success[rows, arm], np.clip(dataset.propensity[rows, arm], 1e-6, 1.0), len(dataset.arms)
    )
    return np.where(dataset.paired[:, None], dataset.success, doubly_robust_success(log, forecast, 50.0))
