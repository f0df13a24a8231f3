"""Puts the learners together: a data set and its design rows in, a fitted model and its out-of-fold truth out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from serving.decision.features import FEATURE_NAMES
from serving.decision.types import FloatArray
from training.dataset.dataset import Dataset
from training.dataset.overlap import observation_probability, require_overlap
from training.models.boosting import BinnedRows, TreeSettings, folds_of, scaled
from training.models.calibration import monotone_map, uplift_maps
from training.models.consumption import QUANTITY_TREES, LearntQuantity, fit_quantity, without_stalls
from training.models.fitted_model import FittedModel, PiecewiseLinear, SuccessHead, TreeHead, UpliftHead
from training.models.local_trainer import LocalTrainerFactory
from training.models.meta_learners import Learner, rank_learners
from training.models.support import fit_components, fit_support, fit_tasks, held_out_support
from training.models.targets import BEST, TrainerFactory, pseudo_outcomes
from training.models.uplift import LearntHeads, cross_fit_by, fit_feature_only_heads, fit_heads_by, progress_steps
from training.progress import Progress, silent
from training.types import Array, BoolArray, IntArray

ONE_THREAD = "blas"
"""API that `threadpool_limits` keeps to one thread while fitting: matrices are small, so threads of the linear algebra
would mostly wait for each other. LightGBM has its own threads."""
CHOICE_AT_MOST = 50_000
"""Prompts up to which two sizes of trees are tried."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How the model is learnt.

    Parameters
    ----------
    trees, fine
        Sizes of trees to choose from by cross-validated policy value: weak signals want few leaves and strong
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

    def grains(self, prompts: int) -> tuple[TreeSettings, ...]:
        """Sizes of trees to try."""
        if self.fine is None:
            return (self.trees,)
        return (self.trees, self.fine) if prompts <= CHOICE_AT_MOST else (self.fine,)


STANDARD = FitSettings(
    fine=TreeSettings(leaves=31, bags=1, feature_fraction=0.12, bagging_fraction=0.8, l2=5.0, min_rows=5)
)
"""What `thinkgate train` uses."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The model and what was learnt on the way.

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
    truth
        float64 (n, K), (pseudo-)outcomes, with weights that are not cut.
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
    truth: Array
    learners: tuple[Learner, ...]
    trees: TreeSettings


def fit(
    dataset: Dataset,
    x: FloatArray,
    settings: FitSettings | None = None,
    progress: Progress = silent,
    trainer_factory: TrainerFactory | None = None,
) -> Fitted:
    """Learn everything that a bundle predicts.

    Parameters
    ----------
    dataset
        The prompts at hand: support, task types, tokens, latency and every calibration are learnt from these.
    x
        float32 (n, P), design rows of `dataset.requests`.
    trainer_factory
        Where success and uplift are learnt; None: from the prompts at hand.

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
    grains = settings.grains(len(dataset))
    step = _stepper(progress, "learn", len(grains) * progress_steps(arms, settings.folds))
    rounds = [cross_fit_by(trainer_factory.trainer(trees), x, fold, arms, step) for trees in grains]
    tried, truth = [one.scores for one in rounds], rounds[0].truth.here
    learners = rank_learners(tried, truth, [f", {trees.leaves} leaves, l2 {trees.l2:g}" for trees in grains])
    best = learners[0]
    oof, trees = tried[best.grain], grains[best.grain]
    heads = fit_heads_by(trainer_factory.trainer(trees), rounds[0].truth, best, arms, lambda: None)
    tokens, latency = _consumption(dataset, x, fold, settings, progress)
    progress("support and task types", 0, 0)
    components = fit_components(x, rng)
    support = fit_support(components, x, dataset.tasks, rng)
    afar, far_heads = fit_feature_only_heads(x, dataset, len(FEATURE_NAMES), settings.trees, fold, settings.threads)
    mixed = oof.leaning(best.outcome, held_out_support(support, x, fold, rng), afar)
    chance, blended = mixed.success, mixed.blend(best)
    success = _success(dataset, chance, heads.success, far_heads)
    uplift = _uplift(best.weight, blended, heads, truth)
    model = FittedModel(
        success=success,
        uplift=uplift,
        output_tokens=tuple(learnt.head for learnt in tokens),
        latency_ms=tuple(learnt.head for learnt in latency),
        support=support,
        widening=settings.widening,
        tasks=fit_tasks(components, x, dataset.tasks, rng),
        notes={"learner": best.name, **{f"value_{learner.name}": learner.value for learner in learners}},
    )
    return Fitted(
        model=model,
        fold=fold,
        oof_score=blended,
        oof_success=_cross_success(dataset, chance, fold),
        oof_uplift=_cross_uplift(blended, truth, fold),
        oof_tokens=_forecasts(tokens),
        oof_latency=_forecasts(latency),
        truth=pseudo_outcomes(dataset, tried[0].chance(BEST)),
        learners=learners,
        trees=trees,
    )


def _success(
    dataset: Dataset, chance: Array, heads: tuple[TreeHead, ...], afar: tuple[TreeHead, ...]
) -> tuple[SuccessHead, ...]:
    every = np.ones(len(dataset), np.bool_)
    pairs = enumerate(zip(heads, afar, strict=True))
    return tuple(SuccessHead(score, _success_map(dataset, chance, k, every), far) for k, (score, far) in pairs)


def _success_map(dataset: Dataset, chance: Array, arm: int, rows: BoolArray) -> PiecewiseLinear:
    seen = dataset.observed[:, arm] & rows
    # Logged prompts stand for those that the old policy sent elsewhere.
    weight = 1.0 / np.maximum(observation_probability(dataset)[seen, arm], 0.05)
    return monotone_map(chance[seen, arm], dataset.success[seen, arm], weight)


def _cross_success(dataset: Dataset, chance: Array, fold: IntArray) -> Array:
    found = np.empty_like(chance)
    for f in range(fold.max() + 1):
        for k in range(found.shape[1]):
            found[fold == f, k] = _success_map(dataset, chance, k, fold != f)(chance[fold == f, k])
    return found


def _cross_uplift(score: Array, truth: Array, fold: IntArray) -> Array:
    found = np.empty_like(score)
    for f in range(fold.max() + 1):
        out = fold == f
        for j in range(score.shape[1]):
            realised = truth[~out, j + 1] - truth[~out, 0]
            found[out, j] = monotone_map(score[~out, j], realised)(score[out, j])
    return found


def _uplift(weight: float, blended: Array, heads: LearntHeads, truth: Array) -> tuple[UpliftHead, ...]:
    found = []
    for j in range(blended.shape[1]):
        maps = uplift_maps(blended[:, j], truth[:, j + 1] - truth[:, 0])
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
