"""Learning curve: quality of the router against the number of training prompts.

Each size is trained from scratch, with the settings of the real model, and evaluated on the same held-out fold.
"""

from __future__ import annotations

import numpy as np

from serving.decision import BadInput, FloatArray
from training.dataset import Dataset
from training.evaluation.evaluate import curve_points, learning_sizes
from training.evaluation.results import LearningPoint
from training.metrics import RealisedOutcomes, Router
from training.models import FitSettings, Learner, fit_heads
from training.progress import Progress, silent
from training.types import IntArray

AT_MOST = 20_000
"""Prompts of the largest size; a random part of longer histories."""


def learning_curve(
    dataset: Dataset,
    x: FloatArray,
    fold: IntArray,
    learner: Learner,
    settings: FitSettings,
    progress: Progress = silent,
) -> tuple[LearningPoint, ...]:
    """Train on 100, 200, 500, ... prompts and evaluate on one held-out fold.

    Parameters
    ----------
    x
        float32 (n, P), design rows.
    fold
        int64 (n,); fold 0 is the test set, the others are trained on.
    learner
        The chosen blend.

    Returns
    -------
    tuple
        Empty for a logged history, whose pseudo-outcomes have no oracle, and where both arms always do equally well.
    """
    rng = np.random.default_rng(settings.seed)
    test = np.flatnonzero(fold == 0)[:AT_MOST]
    train = np.sort(rng.permutation(np.flatnonzero(fold != 0))[:AT_MOST])
    if not dataset.is_paired or len(train) < 2:
        return ()
    sizes = learning_sizes(len(train))
    x_test = x[test]
    done = 0

    def fit_on(rows: IntArray) -> Router:
        nonlocal done
        part = dataset.subset(rows)
        trees = settings.tree_sizes(len(dataset))[learner.tree_size]
        heads = fit_heads(x[rows], part, part.success, learner, trees, settings.threads, lambda: None)
        done += 1
        progress("learning curve", done, len(sizes))
        return Router.from_uplift("ours", heads.uplift(x_test, learner.weight))

    progress("learning curve", 0, len(sizes))
    try:
        return curve_points(fit_on, train, RealisedOutcomes(dataset.success[test]), sizes=sizes, resamples=300)
    except BadInput:
        return ()
