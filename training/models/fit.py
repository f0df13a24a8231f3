"""Fits the whole model: from a data set and its design rows to all heads and their out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from serving.decision import FloatArray
from serving.decision.features import FEATURE_NAMES
from training.dataset import Dataset, observation_probability, require_overlap
from training.models.boosting import BinnedRows, TreeSettings, folds_of, scaled
from training.models.calibration import monotone_map, uplift_maps
from training.models.consumption import QUANTITY_TREES, LearntQuantity, fit_quantity, without_stalls
from training.models.fitted_model import FittedModel, PiecewiseLinear, SuccessHead, TreeHead, UpliftHead
from training.models.local_trainer import LocalTrainerFactory
from training.models.meta_learners import Learner, rank_learners
from training.models.support import fit_components, fit_support, fit_tasks, held_out_support
from training.models.targets import BEST, TrainerFactory, doubly_robust_targets
from training.models.uplift import LearntHeads, cross_fit_by, fit_feature_only_heads, fit_heads_by, progress_steps
from training.progress import Progress, silent
from training.types import Array, BoolArray, IntArray

ONE_THREAD = "blas"
"""API that `threadpool_limits` keeps to one thread while fitting: matrices are small, so threads of the linear algebra
would mostly wait for each other. LightGBM has its own threads."""
CHOICE_AT_MOST = 50_000
"""Prompts up to which two tree sizes are tried."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How the model is fitted.

    Parameters
    ----------
    trees, fine
        Tree sizes to choose from by cross-validated policy value: weak signals need few leaves and strong
        regularisation, strong ones the opposite. None leaves no choice; long histories (`CHOICE_AT_MOST`) take `fine`.
    folds
        Of the cross-fit.
    widening
        How much wider the uplift interval is where support is 0.
    threads
        Of LightGBM.
    """

    trees: TreeSettings = TreeSettings()
    fine: TreeSettings | None = None
    folds: int = 5
    widening: float = 1.0
    threads: int = 2
    seed: int = 0

    def tree_sizes(self, prompts: int) -> tuple[TreeSettings, ...]:
        """Give the tree sizes to try on so many prompts."""
        if self.fine is None:
            return (self.trees,)
        return (self.trees, self.fine) if prompts <= CHOICE_AT_MOST else (self.fine,)


STANDARD = FitSettings(
    fine=TreeSettings(leaves=31, bags=1, feature_fraction=0.12, bagging_fraction=0.8, l2=5.0, min_rows=5)
)
"""What `thinkgate train` uses."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The fitted model, its out-of-fold predictions, and the choice of its learner.

    Parameters
    ----------
    fold
        int64 (n,): the fold in which a prompt was held out.
    oof_score
        float64 (n, K-1), blended uplift by models that have not seen the prompt.
    oof_success, oof_uplift
        float64 (n, K) and (n, K-1): calibrated, by maps that have not seen the prompt's fold either.
    oof_tokens, oof_latency
        float64 (2, n, K): mean and p95.
    pseudo_outcomes
        float64 (n, K), with weights that are not clipped.
    learners
        Candidates, the chosen one first.
    trees
        Of the chosen one.
    """

    model: FittedModel
    fold: IntArray
    oof_score: Array
    oof_success: Array
    oof_uplift: Array
    oof_tokens: Array
    oof_latency: Array
    pseudo_outcomes: Array
    learners: tuple[Learner, ...]
    trees: TreeSettings


def fit(
    dataset: Dataset,
    x: FloatArray,
    settings: FitSettings | None = None,
    progress: Progress = silent,
    trainer_factory: TrainerFactory | None = None,
) -> Fitted:
    """Fit every head that a bundle has.

    Parameters
    ----------
    dataset
        The local prompts: support, task types, tokens, latency and every calibration are fitted on these.
    x
        float32 (n, P), design rows of `dataset.requests`.
    trainer_factory
        What fits success and uplift; None: on the local prompts.

    Raises
    ------
    NoOverlap
        One-arm logs of a deterministic policy.
    """
    settings = settings or STANDARD
    require_overlap(dataset)
    rng = np.random.default_rng(settings.seed)
    fold, arms = folds_of(dataset.tasks, settings.folds, rng), len(dataset.arms)
    trainer_factory = trainer_factory or LocalTrainerFactory(x, dataset, fold, settings.threads)
    fold = trainer_factory.fold
    tree_sizes = settings.tree_sizes(len(dataset))
    step = _stepper(progress, "learn", len(tree_sizes) * progress_steps(arms, settings.folds))
    fits = [cross_fit_by(trainer_factory.trainer(trees), x, fold, arms, step) for trees in tree_sizes]
    scores, pseudo_outcomes = [one.scores for one in fits], fits[0].pseudo_outcomes.local
    suffixes = [f", {trees.leaves} leaves, l2 {trees.l2:g}" for trees in tree_sizes]
    learners = rank_learners(scores, pseudo_outcomes, suffixes)
    best = learners[0]
    oof, trees = scores[best.tree_size], tree_sizes[best.tree_size]
    heads = fit_heads_by(trainer_factory.trainer(trees), fits[0].pseudo_outcomes, best, arms, lambda: None)
    tokens, latency = _consumption(dataset, x, fold, settings, progress)
    progress("support and task types", 0, 0)
    components = fit_components(x, rng)
    support = fit_support(components, x, dataset.tasks, rng)
    feature_only, feature_only_heads = fit_feature_only_heads(
        x, dataset, len(FEATURE_NAMES), settings.trees, fold, settings.threads
    )
    oof = oof.weigh_by_support(best.outcome, held_out_support(support, x, fold, rng), feature_only)
    blended = oof.blend(best)
    model = FittedModel(
        success=_success_heads(dataset, oof.success, heads.success, feature_only_heads),
        uplift=_uplift_heads(best.weight, blended, heads, pseudo_outcomes),
        output_tokens=tuple(one.head for one in tokens),
        latency_ms=tuple(one.head for one in latency),
        support=support,
        widening=settings.widening,
        tasks=fit_tasks(components, x, dataset.tasks, rng),
        notes={"learner": best.name, **{f"value_{learner.name}": learner.value for learner in learners}},
    )
    return Fitted(
        model=model,
        fold=fold,
        oof_score=blended,
        oof_success=_cross_success(dataset, oof.success, fold),
        oof_uplift=_cross_uplift(blended, pseudo_outcomes, fold),
        oof_tokens=_forecasts(tokens),
        oof_latency=_forecasts(latency),
        pseudo_outcomes=doubly_robust_targets(dataset, scores[0].success_by(BEST)),
        learners=learners,
        trees=trees,
    )


def _success_heads(
    dataset: Dataset, success: Array, heads: tuple[TreeHead, ...], feature_only: tuple[TreeHead, ...]
) -> tuple[SuccessHead, ...]:
    every = np.ones(len(dataset), np.bool_)
    pairs = enumerate(zip(heads, feature_only, strict=True))
    return tuple(SuccessHead(score, _success_map(dataset, success, k, every), bare) for k, (score, bare) in pairs)


def _success_map(dataset: Dataset, success: Array, arm: int, rows: BoolArray) -> PiecewiseLinear:
    seen = dataset.observed[:, arm] & rows
    # Inverse probability weights: logged prompts represent those that the logging policy sent to other arms.
    weight = 1.0 / np.maximum(observation_probability(dataset)[seen, arm], 0.05)
    return monotone_map(success[seen, arm], dataset.success[seen, arm], weight)


def _cross_success(dataset: Dataset, success: Array, fold: IntArray) -> Array:
    found = np.empty_like(success)
    for f in range(fold.max() + 1):
        for k in range(found.shape[1]):
            found[fold == f, k] = _success_map(dataset, success, k, fold != f)(success[fold == f, k])
    return found


def _cross_uplift(score: Array, pseudo_outcomes: Array, fold: IntArray) -> Array:
    found = np.empty_like(score)
    for f in range(fold.max() + 1):
        out = fold == f
        for j in range(score.shape[1]):
            realised = pseudo_outcomes[~out, j + 1] - pseudo_outcomes[~out, 0]
            found[out, j] = monotone_map(score[~out, j], realised)(score[out, j])
    return found


def _uplift_heads(weight: float, blended: Array, heads: LearntHeads, pseudo_outcomes: Array) -> tuple[UpliftHead, ...]:
    found = []
    for j in range(blended.shape[1]):
        maps = uplift_maps(blended[:, j], pseudo_outcomes[:, j + 1] - pseudo_outcomes[:, 0])
        direct = scaled(heads.direct[j], 1 - weight) if heads.direct else None
        found.append(UpliftHead(weight, direct, maps.uplift, maps.below, maps.above))
    return tuple(found)


def _consumption(
    dataset: Dataset, x: FloatArray, fold: IntArray, settings: FitSettings, progress: Progress
) -> tuple[tuple[LearntQuantity, ...], tuple[LearntQuantity, ...]]:
    binned = BinnedRows(x, QUANTITY_TREES, settings.threads)
    step = _stepper(progress, "tokens and latency", 2 * len(dataset.arms))
    tokens, latency = [], []
    for k, arm in enumerate(dataset.arms):
        tokens.append(
            fit_quantity(x, dataset.output_tokens[:, k], fold, arm.default_output_tokens, binned, seed=10 + k)
        )
        step()
        latency.append(
            fit_quantity(x, without_stalls(dataset.latency_ms[:, k]), fold, arm.default_latency_ms, binned, seed=50 + k)
        )
        step()
    return tuple(tokens), tuple(latency)


def _forecasts(learnt: tuple[LearntQuantity, ...]) -> Array:
    return np.stack(
        [np.column_stack([one.mean for one in learnt]), np.column_stack([one.p95 for one in learnt])], axis=0
    )


def _stepper(progress: Progress, stage: str, total: int) -> Callable[[], None]:
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(stage, done, total)

    progress(stage, 0, total)
    return step
