"""Evaluates a fit on its out-of-fold scores, beside comparison routers that learn from the same folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np

from serving.decision import FloatArray
from serving.decision.policy import Policy
from training.dataset import Dataset, overlap
from training.evaluation.baselines import RouterSample
from training.evaluation.embedding_baselines import Learn, fit_baselines
from training.evaluation.evaluate import ReportTitles, evaluate_model
from training.evaluation.held_out import OURS, Forecasts, build_held_out, labelled_tasks, target_policies
from training.evaluation.learning_curve import learning_curve
from training.evaluation.logged_history import LOGGED_NOTES, LoggedLosses, logged_losses, logged_values
from training.evaluation.policy_simulation import SimulatedChoices, out_of_fold, simulate_policy
from training.evaluation.results import Evaluation, UnseenTasks
from training.evaluation.unseen_tasks import LeftOutScores, leave_tasks_out
from training.metrics import LossBounds, RealisedOutcomes, Router, certify
from training.models import FitSettings, Fitted, support_of
from training.progress import Progress, silent
from training.types import Array, IntArray

COMPARE_AT_MOST = 20_000
"""Prompts that the comparison is made on; a random part of longer histories."""
BASELINES_NOTE = (
    "The comparison routers read the {} and learn from the same folds; they were not tuned beyond their authors' "
    "defaults and an inner cross-validation. The per-task average reads the task label; ours reads the text."
)
POLICY_NOTE = (
    "Buckets and 'our policy' are those of the built-in default policy: a success is worth {:.2f} USD, waiting costs "
    "nothing, there is no deadline. Your own policy.toml moves them."
)
CERTIFIED_NOTE = (
    "The certificate rests on the recorded propensities: losses are doubly robust. For {:.1%} of the prompts one arm "
    "was so unlikely that the largest loss was taken."
)
THREE_ARMS_NOTE = "No certificate: a log of three or more arms has no propensities of the arms that it did not take."


class EvaluationSettings(Protocol):
    """The settings that an out-of-fold evaluation reads."""

    @property
    def epsilon(self) -> float:
        """Largest certified quality loss."""

    @property
    def delta(self) -> float:
        """Probability that the certificate is wrong."""

    @property
    def resamples(self) -> int:
        """Of the bootstrap."""

    @property
    def baselines(self) -> bool:
        """Whether routers that read the embedding are learnt for comparison, or only those that read none."""

    @property
    def fit(self) -> FitSettings:
        """How models are learnt."""


def evaluate_out_of_fold(
    titles: ReportTitles,
    dataset: Dataset,
    fitted: Fitted,
    embedding: FloatArray,
    features: FloatArray,
    settings: EvaluationSettings,
    *,
    x: FloatArray | None = None,
    embedding_name: str = "static embedding",
    others: Sequence[Router] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> Evaluation:
    """Evaluate a fit by its out-of-fold scores.

    Parameters
    ----------
    embedding, features
        float32 (n, D) and (n, F): what the comparison routers read.
    others
        Further routers to compare with, scored on all n prompts.
    x
        float32 (n, P), design rows: with them, models are also learnt without whole task types and from ever more of
        the history. None leaves both out.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:COMPARE_AT_MOST])
    part = dataset.subset(rows)
    success = part.success if part.is_paired else fitted.pseudo_outcomes[rows]
    sample = RouterSample(
        np.asarray(embedding[rows], np.float64), success, labelled_tasks(part), np.asarray(features[rows], np.float64)
    )
    learn = partial(fit_baselines, embedding_name=embedding_name, progress=progress, plain=not settings.baselines)
    ours = Router.from_uplift(OURS, fitted.oof_score[rows])
    assert ours.arm is not None
    switched_to = ours.arm
    routers = (
        ours,
        *learn(sample, fitted.fold[rows]),
        *(Router(other.name, other.score[rows], None if other.arm is None else other.arm[rows]) for other in others),
    )
    left_out = None if x is None else leave_tasks_out(dataset, x, fitted.learners[0], settings.fit, progress)
    choices = _choices(dataset, fitted, x, rows)
    held_out = build_held_out(
        part,
        success,
        Forecasts(fitted.oof_success[rows], fitted.oof_tokens[:, rows], fitted.oof_latency[:, rows]),
        choices=choices,
        support=None if left_out is None else left_out.seen_support,
        uplift=np.take_along_axis(fitted.oof_uplift[rows], switched_to[:, None] - 1, axis=1)[:, 0],
    )
    unseen = None if left_out is None else _unseen(dataset, fitted, left_out, embedding, features, learn)
    progress("intervals", 0, 0)
    found = evaluate_model(titles, held_out, routers, unseen=unseen, resamples=settings.resamples, seed=seed)
    if x is not None:
        curve = learning_curve(dataset, x, fitted.fold, fitted.learners[0], settings.fit, progress)
        found = replace(found, learning=curve)
    notes = [BASELINES_NOTE.format(embedding_name)] if settings.baselines else []
    if choices is not None:
        notes.append(POLICY_NOTE.format(Policy().terms.value_of_success_usd))
    losses = _losses(part, held_out.success)
    if losses is not None:
        uplift, (epsilon, delta) = fitted.oof_uplift[rows][:, -1], (settings.epsilon, settings.delta)
        certificate = certify(uplift, losses.loss, epsilon=epsilon, delta=delta, bounds=losses.bounds, seed=seed)
        found = replace(found, certificate=certificate)
    if part.is_paired:
        return replace(found, notes=tuple(notes))
    values = logged_values(part, held_out.success, target_policies(held_out))
    certified = THREE_ARMS_NOTE if losses is None else CERTIFIED_NOTE.format(losses.unknown_share)
    logs = tuple(f"overlap: {arm}" for arm in overlap(dataset))
    return replace(found, policies=values.policies, notes=(*LOGGED_NOTES, certified, *logs, *values.notes, *notes))


def _losses(part: Dataset, forecast: Array) -> LoggedLosses | None:
    """Loss of not reasoning on each prompt; None where a log of more than two arms does not identify it."""
    if part.is_paired:
        return LoggedLosses(part.success[:, -1] - part.success[:, 0], LossBounds(), 0.0)
    return logged_losses(part, forecast) if len(part.arms) == 2 else None


def _choices(dataset: Dataset, fitted: Fitted, x: FloatArray | None, rows: IntArray) -> SimulatedChoices | None:
    """Choices of the default policy, from forecasts of models that have not seen the prompt."""
    head = fitted.model.support
    support = np.ones(len(rows)) if x is None else support_of(head, x[rows])
    requests = [dataset.requests[row] for row in rows]
    return simulate_policy(dataset.arms, (), requests, out_of_fold(fitted, support, rows))


def _unseen(
    dataset: Dataset, fitted: Fitted, left_out: LeftOutScores, embedding: FloatArray, features: FloatArray, learn: Learn
) -> UnseenTasks:
    part = dataset.subset(left_out.rows)
    success = part.success if part.is_paired else fitted.pseudo_outcomes[left_out.rows]
    x, f = (np.asarray(table[left_out.rows], np.float64) for table in (embedding, features))
    sample = RouterSample(x, success, part.tasks, f)
    routers = (Router.from_uplift(OURS, left_out.score), *learn(sample, left_out.fold))
    return UnseenTasks(RealisedOutcomes(success, realised=part.is_paired), routers, part.tasks, left_out.support)
