"""Judges a fit on prompts its models have not seen, beside the comparison routers on the same folds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np

from serving.decision.errors import Unpriced
from serving.decision.policy.policy import Policy
from serving.decision.pricing.price_book import price_book
from serving.decision.pricing.rate_card import expected_cost
from serving.decision.types import FloatArray
from training.dataset.dataset import Dataset
from training.dataset.overlap import overlap
from training.evaluation.baselines import RouterSample
from training.evaluation.evaluate import ReportTitles, evaluate_model
from training.evaluation.learning_curve import learning_curve
from training.evaluation.logged_history import logged_values
from training.evaluation.logged_losses import LoggedLosses, logged_losses
from training.evaluation.policy_simulation import SimulatedChoices, out_of_fold, simulate_policy
from training.evaluation.results import ConsumptionForecast, Evaluation, HeldOut, UnseenTasks
from training.evaluation.rivals import Learn, fit_baselines
from training.evaluation.unseen_tasks import LeftOutScores, leave_tasks_out
from training.metrics.cost_quality import RealisedOutcomes, Router
from training.metrics.risk_control import LossBounds, certify
from training.models.fit import FitSettings, Fitted
from training.models.support import similarity
from training.progress import Progress, silent
from training.types import Array, IntArray

OURS = "thinkgate"
COMPARE_AT_MOST = 20_000
"""Prompts that the comparison is made on; a random part of longer histories."""
RIVALS_NOTE = (
    "The comparison routers read the {} and learn from the same folds; they were not tuned beyond their authors' "
    "defaults and an inner cross-validation. The per-task average is told the task label; ours reads the text."
)
POLICY_NOTE = (
    "Buckets and 'our policy' are those of the built-in default policy: a success is worth {:.2f} USD, waiting costs "
    "nothing, there is no deadline. Your own policy.toml moves them."
)
LOGGED_NOTES = (
    "This history is logged: one arm served each prompt. Success of the other arms is a doubly robust estimate, right "
    "on average if the recorded propensities are right, and noisy for one prompt: so no oracle and no learning curve.",
    "Costs of arms that did not serve a prompt are priced from forecast tokens.",
)
CERTIFIED_NOTE = (
    "The certificate rests on the recorded propensities: losses are doubly robust. For {:.1%} of the prompts one arm "
    "was so unlikely that the largest loss was taken."
)
THREE_ARMS_NOTE = "No certificate: of three arms, a log does not tell how likely those were that it did not take."


class EvaluationSettings(Protocol):
    """What an appraisal needs of the settings."""

    @property
    def epsilon(self) -> float:
        """Largest certified quality loss."""

    @property
    def delta(self) -> float:
        """Chance that the certificate is wrong."""

    @property
    def resamples(self) -> int:
        """Of the bootstrap."""

    @property
    def rivals(self) -> bool:
        """Whether routers that read the embedding are learnt for comparison, or the plain ones alone."""

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
    """Judge a fit by its out-of-fold scores.

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
    truth = part.success if part.is_paired else fitted.truth[rows]
    tokens = fitted.oof_tokens[0][rows]
    outcomes = RealisedOutcomes(truth, call_costs(part, tokens), realised=part.is_paired)
    sample = RouterSample(
        np.asarray(embedding[rows], np.float64),
        truth,
        part.tasks if any(task is not None for task in part.tasks) else None,
        np.asarray(features[rows], np.float64),
    )
    learn = partial(fit_baselines, embedding_name=embedding_name, progress=progress, plain=not settings.rivals)
    ours = Router.from_uplift(OURS, fitted.oof_score[rows])
    assert ours.arm is not None
    switched_to = ours.arm
    routers = (
        ours,
        *learn(sample, fitted.fold[rows]),
        *(Router(other.name, other.score[rows], None if other.arm is None else other.arm[rows]) for other in others),
    )
    lost = None if x is None else leave_tasks_out(dataset, x, fitted.learners[0], settings.fit, progress)
    chosen = _chosen(dataset, fitted, x, rows)
    held_out = HeldOut(
        arms=tuple(arm.name for arm in part.arms),
        outcomes=outcomes,
        success=fitted.oof_success[rows],
        observed=None if part.is_paired else np.where(part.observed, part.success, np.nan),
        tasks=sample.tasks,
        support=None if lost is None else lost.seen_support,
        buckets=None if chosen is None else chosen.buckets,
        chosen=None if chosen is None else chosen.arm,
        consumption=_consumption(part, fitted, rows),
        uplift=np.take_along_axis(fitted.oof_uplift[rows], switched_to[:, None] - 1, axis=1)[:, 0],
    )
    unseen = None if lost is None else _unseen(dataset, fitted, lost, embedding, features, learn)
    progress("intervals", 0, 0)
    found = evaluate_model(titles, held_out, routers, unseen=unseen, resamples=settings.resamples, seed=seed)
    if x is not None:
        found = replace(
            found, learning=learning_curve(dataset, x, fitted.fold, fitted.learners[0], settings.fit, progress)
        )
    notes = [RIVALS_NOTE.format(embedding_name)] if settings.rivals else []
    if chosen is not None:
        notes.append(POLICY_NOTE.format(Policy().terms.value_of_success_usd))
    losses = _losses(part, fitted.oof_success[rows])
    if losses is not None:
        uplift, (epsilon, delta) = fitted.oof_uplift[rows][:, -1], (settings.epsilon, settings.delta)
        made = certify(uplift, losses.loss, epsilon=epsilon, delta=delta, bounds=losses.bounds, seed=seed)
        found = replace(found, certificate=made)
    if part.is_paired:
        return replace(found, notes=tuple(notes))
    values = logged_values(part, fitted.oof_success[rows], target_policies(held_out))
    certified = THREE_ARMS_NOTE if losses is None else CERTIFIED_NOTE.format(losses.untold)
    logs = tuple(f"overlap: {arm}" for arm in overlap(dataset))
    notes = [*LOGGED_NOTES, certified, *logs, *values.notes, *notes]
    return replace(found, policies=values.policies, notes=tuple(notes))


def _losses(part: Dataset, model: Array) -> LoggedLosses | None:
    """What not reasoning loses on each prompt; None where logs of more than two arms do not tell it."""
    if part.is_paired:
        return LoggedLosses(part.success[:, -1] - part.success[:, 0], LossBounds(), 0.0)
    return logged_losses(part, model) if len(part.arms) == 2 else None


def target_policies(held_out: HeldOut) -> Mapping[str, IntArray]:
    """Name the policies whose value a log is asked for: every fixed rule, and ours where it is known."""
    n, arms = held_out.outcomes.success.shape
    found = {f"always {held_out.arms[k]}": np.full(n, k, np.int64) for k in range(arms)}
    return found if held_out.chosen is None else {f"{OURS}, default policy": held_out.chosen, **found}


def _chosen(dataset: Dataset, fitted: Fitted, x: FloatArray | None, rows: IntArray) -> SimulatedChoices | None:
    """What the default policy picks from forecasts that have not seen the prompt."""
    head = fitted.model.support
    support = np.ones(len(rows)) if x is None else head.map(similarity(head, x[rows]))
    asked = [dataset.requests[row] for row in rows]
    return simulate_policy(dataset.arms, (), asked, out_of_fold(fitted, support, rows))


def _unseen(
    dataset: Dataset, fitted: Fitted, lost: LeftOutScores, embedding: FloatArray, features: FloatArray, learn: Learn
) -> UnseenTasks:
    part = dataset.subset(lost.rows)
    truth = part.success if part.is_paired else fitted.truth[lost.rows]
    x, f = (np.asarray(table[lost.rows], np.float64) for table in (embedding, features))
    sample = RouterSample(x, truth, part.tasks, f)
    routers = (Router.from_uplift(OURS, lost.score), *learn(sample, lost.fold))
    return UnseenTasks(RealisedOutcomes(truth, realised=part.is_paired), routers, part.tasks, lost.support)


def call_costs(dataset: Dataset, forecast: Array | None = None) -> Array | None:
    """Cost of every call, float64 (n, K): as recorded, else priced from its tokens; None where neither is known.

    Parameters
    ----------
    forecast
        float64 (n, K), output tokens of the calls that a logged history did not make. They are used only where every
        prompt has at least one call whose tokens are known.
    """
    if np.isfinite(dataset.cost_usd).all():
        return dataset.cost_usd
    known = np.isfinite(dataset.input_tokens) & np.isfinite(dataset.output_tokens)
    if not (known.all() or (forecast is not None and known.any(axis=1).all())):
        return None
    prompt = np.where(known, dataset.input_tokens, 0).sum(axis=1) / known.sum(axis=1)
    inputs_of = np.where(known, dataset.input_tokens, prompt[:, None])
    outputs_of = dataset.output_tokens if forecast is None else np.where(known, dataset.output_tokens, forecast)
    try:
        book = price_book(dataset.arms)
    except Unpriced:
        return None
    now = time.time()
    latency = np.nan_to_num(dataset.latency_ms)

    def cost(row: int, k: int) -> float:
        inputs, outputs = float(inputs_of[row, k]), float(outputs_of[row, k])
        rates = book.card(dataset.arms[k].name).rates(now, inputs)
        return expected_cost(rates, inputs, 0.0, outputs, float(latency[row, k]), 0.0)

    priced = np.array([[cost(row, k) for k in range(len(dataset.arms))] for row in range(len(dataset))])
    return np.where(np.isfinite(dataset.cost_usd), dataset.cost_usd, priced)


def _consumption(dataset: Dataset, fitted: Fitted, rows: IntArray) -> tuple[ConsumptionForecast, ...]:
    found = []
    for quantity, forecast, realised in (
        ("output tokens", fitted.oof_tokens, dataset.output_tokens),
        ("latency ms", fitted.oof_latency, dataset.latency_ms),
    ):
        if np.isfinite(realised).any():
            found.append(ConsumptionForecast(quantity, forecast[0][rows], forecast[1][rows], realised))
    return tuple(found)
