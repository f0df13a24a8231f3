"""Hyperparameter search within a time limit: optuna proposes tree sizes, cross-validated policy value ranks them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from serving.decision import FloatArray
from training.dataset import Dataset, require_overlap
from training.models.boosting import TreeSettings, folds_of
from training.models.fit import FitSettings
from training.models.meta_learners import rank_learners
from training.models.targets import uplift_targets
from training.models.uplift import cross_fit
from training.progress import Progress, silent

if TYPE_CHECKING:
    import optuna

SAMPLE = 20_000
"""Prompts that trees are compared on, at most."""
FOLDS = 3
LEAVES = 6000
"""Leaves of one head, bags and all, at most: they are paid for at every decision."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the search found.

    Parameters
    ----------
    trees
        The best ones; the given ones where nothing beat them.
    value, default_value
        Cross-validated policy value of the best and of the given trees.
    trials
        Number of finished trials.
    """

    trees: TreeSettings
    value: float
    default_value: float
    trials: int


def tune(
    dataset: Dataset,
    x: FloatArray,
    settings: FitSettings,
    minutes: float,
    progress: Progress = silent,
    *,
    most_trials: int | None = None,
) -> Tuned:
    """Search the size and regularisation of the trees; the given trees are the first trial.

    Folds and seeds are not those of the final cross-fit, so its figures are not of the draw that the search fitted.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    minutes
        After which no new trial starts; a trial that runs is finished.

    Raises
    ------
    NoOverlap
        One-arm logs of a deterministic policy.
    """
    import optuna

    require_overlap(dataset)
    logging.getLogger("optuna").setLevel(logging.WARNING)
    rng = np.random.default_rng([settings.seed, 7])
    if len(dataset) > SAMPLE:
        rows = np.sort(rng.choice(len(dataset), SAMPLE, replace=False))
        dataset, x = dataset.subset(rows), x[rows]
    fold = folds_of(dataset.tasks, FOLDS, rng)

    def value(trees: TreeSettings) -> float:
        oof = cross_fit(x, dataset, fold, trees, settings.threads, lambda: None)
        return rank_learners((oof,), uplift_targets(dataset, oof))[0].value

    default = replace(settings.trees, bags=1)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=settings.seed))
    study.enqueue_trial(_point(default))
    told = _teller(progress, most_trials)
    study.optimize(lambda trial: value(_trees(trial, default)), n_trials=1, callbacks=[told])
    study.optimize(
        lambda trial: value(_trees(trial, default)),
        n_trials=None if most_trials is None else most_trials - 1,
        timeout=60 * minutes,
        callbacks=[told],
    )
    first, best = study.trials[0], study.best_trial
    trees = settings.trees
    if best.number:
        found = _trees(best, default)
        trees = replace(found, bags=max(1, min(settings.trees.bags, LEAVES // (found.rounds * found.leaves))))
    return Tuned(trees, float(best.values[0]), float(first.values[0]), len(study.trials))


def _trees(trial: optuna.Trial | optuna.trial.FrozenTrial, default: TreeSettings) -> TreeSettings:
    """Read a trial: the number of trees follows from their size, so that no trial is dearer to serve than allowed."""
    leaves = trial.suggest_int("leaves", 7, 31)
    rounds = trial.suggest_int("rounds", 60, 400, step=20)
    return replace(
        default,
        leaves=leaves,
        rounds=min(rounds, LEAVES // leaves),
        learning_rate=trial.suggest_float("learning_rate", 0.01, 0.15, log=True),
        feature_fraction=trial.suggest_float("feature_fraction", 0.05, 0.6, log=True),
        bagging_fraction=trial.suggest_float("bagging_fraction", 0.4, 1.0),
        l2=trial.suggest_float("l2", 0.1, 100.0, log=True),
        min_rows=trial.suggest_int("min_rows", 3, 80, log=True),
    )


def _point(trees: TreeSettings) -> dict[str, float]:
    names = ("leaves", "rounds", "learning_rate", "feature_fraction", "bagging_fraction", "l2", "min_rows")
    return {name: getattr(trees, name) for name in names}


def _teller(progress: Progress, most: int | None) -> Callable[[optuna.Study, optuna.trial.FrozenTrial], None]:
    progress("tune", 0, most or 0)
    return lambda study, _: progress("tune", len(study.trials), most or 0)
