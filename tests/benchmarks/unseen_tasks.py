"""Leaves task types out of training, a fifth of them at a time, and judges score and support where none was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.decision.types import FloatArray
from training.baselines import Baseline, Sample
from training.bootstrap import Interval, Resampling
from training.contest import contest
from training.curves import Outcomes, Router
from training.dataset import Dataset, split_by_task
from training.fit import fit
from training.model import Array
from training.progress import Progress, silent
from training.reference import predict
from training.reliability import auroc
from training.standings import RouterResult


@dataclass(frozen=True, slots=True)
class Unseen:
    """What every router gave on task types it had not seen, with intervals over whole task types; ours is first.

    Parameters
    ----------
    separation
        AUROC of our support, prompts of seen task types (held out) above those of unseen ones.
    """

    routers: tuple[RouterResult, ...]
    separation: Interval


def judge_unseen(
    dataset: Dataset,
    x: FloatArray,
    sample: Sample,
    baselines: tuple[Baseline, ...],
    *,
    folds: int = 5,
    progress: Progress = silent,
) -> Unseen:
    """Fit once per group of left-out task types; a fifth of the seen prompts is held out to compare support with.

    Parameters
    ----------
    x
        float32 (n, P), design rows: what ours reads.
    sample
        What the baselines read.
    """
    rng = np.random.default_rng(0)
    ours, support, seen = np.empty((len(dataset), len(dataset.arms) - 1)), np.empty(len(dataset)), []
    others: dict[str, Array] = {baseline.name: np.empty_like(ours) for baseline in baselines}
    for number, split in enumerate(split_by_task(dataset, folds, rng)):
        progress("leave tasks out", number, folds)
        order = rng.permutation(split.train)
        held, train = np.sort(order[: len(order) // 5]), np.sort(order[len(order) // 5 :])
        model = fit(dataset.subset(train), x[train]).model
        told = predict(model, x[split.test])
        ours[split.test], support[split.test] = told.uplift, told.support
        seen.append(predict(model, x[held]).support)
        for baseline in baselines:
            others[baseline.name][split.test] = baseline.fit(sample.rows(train))(sample.rows(split.test))
    routers = [Router.from_uplift("thinkgate", ours)]
    routers += [Router.from_uplift(name, uplift) for name, uplift in others.items()]
    codes = np.unique(dataset.tasks.astype(str), return_inverse=True)[1].astype(np.int64)
    results = contest(Outcomes(dataset.success), routers, Resampling(len(dataset), 500, 0, codes))
    return Unseen(results, auroc(support, np.concatenate(seen)))
