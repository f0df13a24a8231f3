"""Computes all figures of an evaluation from forecasts, outcomes and router scores of held-out prompts.

No model is used here: `evaluate_model` gets what was predicted, what happened, and the scores of the comparison
routers. What needs other data (certificate, off-policy values, learning curve, notes) is added to the result with
`dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from serving.decision import BadInput
from training.evaluation.results import (
    ConsumptionForecast,
    Evaluation,
    HeldOut,
    LearningPoint,
    Separation,
    TaskRow,
    UnseenResult,
    UnseenTasks,
)
from training.evaluation.router_comparison import compare_routers, evaluate_fixed_policy, oracle_curve
from training.evaluation.router_results import RuleResult
from training.metrics import (
    Calibration,
    ForecastQuality,
    Ranking,
    RealisedOutcomes,
    Resampling,
    Router,
    area_over_random,
    auroc,
    binned,
    bucket_table,
    calibration,
    forecast_quality,
    mean_interval,
    oracle_ranking,
    oracle_share,
    percentile_interval,
    two_arm_view,
)
from training.types import Array, IntArray

MIN_CLUSTERS = 10
"""Fewer task types than this are too few to resample whole."""

FitOn = Callable[[IntArray], Router]
"""Learns from these training prompts alone and scores all test prompts."""


@dataclass(frozen=True, slots=True)
class ReportTitles:
    """Title and data source of a report, and whether the data are synthetic."""

    title: str
    source: str
    synthetic: bool


def evaluate_model(
    titles: ReportTitles,
    held_out: HeldOut,
    routers: Sequence[Router],
    *,
    unseen: UnseenTasks | None = None,
    resamples: int | None = None,
    seed: int = 0,
) -> Evaluation:
    """Evaluate a model on held-out prompts.

    Parameters
    ----------
    routers
        Ours first, then the comparison routers, all scored on the same prompts by the same folds.
    unseen
        The same on task types that were left out.
    resamples
        Of the bootstrap over prompts; by default 1000, fewer (down to 200) above 20,000 prompts.
    """
    if not routers:
        raise BadInput("nothing to evaluate: pass at least one router")
    outcomes = held_out.outcomes
    plan = Resampling(outcomes.size, resamples or int(np.clip(2e7 / outcomes.size, 200, 1000)), seed)
    results = compare_routers(outcomes, routers, plan)
    pair = two_arm_view(outcomes, routers[0])
    extra = None if outcomes.cost_usd is None else outcomes.cost_usd[:, outcomes.reference] - outcomes.cost_usd[:, 0]
    buckets = held_out.buckets
    tasks = () if held_out.tasks is None else task_table(held_out, routers[0], results[0].equal_quality.calls.value)
    return Evaluation(
        title=titles.title,
        source=titles.source,
        synthetic=titles.synthetic,
        arms=held_out.arms,
        reference=held_out.arms[outcomes.reference],
        prompts=outcomes.size,
        priced=outcomes.cost_usd is not None,
        rules=_rules(held_out, plan),
        routers=results,
        oracle=oracle_curve(outcomes),
        calibration=_calibration(held_out, plan),
        uplift_bins=binned(routers[0].score if held_out.uplift is None else held_out.uplift, pair.gain, 10),
        buckets=()
        if buckets is None
        else bucket_table(buckets, outcomes.success[:, 0], outcomes.success[:, outcomes.reference], extra),
        tasks=tasks,
        unseen=None if unseen is None else _unseen(held_out, unseen, plan.count, seed),
        forecasts=tuple(f for c in held_out.consumption for f in _forecasts(held_out.arms, c)),
    )


def task_table(held_out: HeldOut, router: Router, share: float) -> tuple[TaskRow, ...]:
    """One row per task type, the largest first.

    Parameters
    ----------
    share
        Share of requests that reason, where the policy's own choice (`held_out.chosen`) is not known.
    """
    assert held_out.tasks is not None
    outcomes, tasks = held_out.outcomes, held_out.tasks.astype(str)
    pair = two_arm_view(outcomes, router)
    direct, reference = outcomes.success[:, 0], outcomes.success[:, outcomes.reference]
    if held_out.chosen is None:
        calls = Ranking.of(router.score).entered(share)
        routed = direct + calls * pair.gain
    else:
        calls = (held_out.chosen != 0).astype(np.float64)
        routed = outcomes.success[np.arange(outcomes.size), held_out.chosen]
    predicted = held_out.success[:, outcomes.reference] - held_out.success[:, 0]
    names, code = np.unique(tasks, return_inverse=True)

    def row(number: int) -> TaskRow:
        of = code == number
        low, high, got = float(direct[of].mean()), float(reference[of].mean()), float(routed[of].mean())
        uplift, expected = mean_interval(reference[of] - direct[of]), float(predicted[of].mean())
        rate = float(calls[of].mean())
        return TaskRow(str(names[number]), int(of.sum()), low, high, uplift, expected, rate, got, max(low, high) - got)

    return tuple(sorted((row(i) for i in range(len(names))), key=lambda r: (-r.count, r.task)))


def learning_sizes(prompts: int, smallest: int = 100) -> tuple[int, ...]:
    """Sizes for a learning curve: 100, 200, 500, 1000, ... and all.

    >>> learning_sizes(4321)
    (100, 200, 500, 1000, 2000, 4321)
    """
    steps = (smallest * m * 10**e for e in range(8) for m in (1, 2, 5))
    return (*(s for s in steps if s < 0.8 * prompts), prompts)


def curve_points(
    fit: FitOn,
    train: IntArray,
    test: RealisedOutcomes,
    *,
    sizes: Sequence[int] | None = None,
    repeats: int = 1,
    resamples: int = 500,
    seed: int = 0,
) -> tuple[LearningPoint, ...]:
    """Share of the oracle's area on fixed test prompts, against the number of training prompts.

    Parameters
    ----------
    fit
        Given row numbers of training prompts, a router scored on all of `test`.
    train
        int64 (m,), rows to learn from; each repeat shuffles them and takes ever longer heads.
    repeats
        Shuffles to average over; the largest size needs only one.
    """
    plan = Resampling(test.size, resamples, seed)
    if oracle_share(test, oracle_ranking(test)) is None:
        raise BadInput("both arms do equally well on every test prompt: there is nothing to learn or to plot")

    def drawn(router: Router) -> Array:
        return plan.apply(lambda weights: area_over_random(test, router, weights))

    ceiling = drawn(oracle_ranking(test))
    best, rng = float(area_over_random(test, oracle_ranking(test))[0]), np.random.default_rng(seed)
    orders = [rng.permutation(train) for _ in range(repeats)]
    points = []
    for size in sizes or learning_sizes(len(train)):
        routers = [fit(np.sort(order[:size])) for order in (orders if size < len(train) else orders[:1])]
        value = float(np.mean([area_over_random(test, r)[0] for r in routers])) / best
        draws = np.mean([drawn(router) for router in routers], axis=0)
        points.append(LearningPoint(min(size, len(train)), percentile_interval(value, draws / ceiling)))
    return tuple(points)


def _rules(held_out: HeldOut, plan: Resampling) -> tuple[RuleResult, ...]:
    outcomes = held_out.outcomes
    n, arms = outcomes.success.shape
    fixed = [
        evaluate_fixed_policy(f"always {held_out.arms[k]}", outcomes, np.full(n, k, dtype=np.int64), plan)
        for k in range(arms)
    ]
    if held_out.chosen is not None:
        fixed.append(evaluate_fixed_policy("our policy", outcomes, held_out.chosen, plan))
    return tuple(fixed)


def _calibration(held_out: HeldOut, plan: Resampling) -> tuple[Calibration, ...]:
    observed = held_out.outcomes.success if held_out.observed is None else held_out.observed
    columns = zip(held_out.arms, held_out.success.T, observed.T, strict=True)
    return tuple(calibration(arm, p, y, resampling=plan) for arm, p, y in columns if np.isfinite(y).sum() > 1)


def _forecasts(arms: Sequence[str], consumption: ConsumptionForecast) -> Iterator[ForecastQuality]:
    for k, arm in enumerate(arms):
        if np.isfinite(consumption.realised[:, k]).any():
            columns = consumption.mean[:, k], consumption.p95[:, k], consumption.realised[:, k]
            yield forecast_quality(arm, consumption.quantity, *columns)


def _unseen(held_out: HeldOut, unseen: UnseenTasks, resamples: int, seed: int) -> UnseenResult:
    codes = np.unique(unseen.tasks.astype(str), return_inverse=True)[1].astype(np.int64)
    clustered = int(codes.max()) + 1 >= MIN_CLUSTERS
    plan = Resampling(unseen.outcomes.size, resamples, seed, codes if clustered else None)
    separation = None
    if held_out.support is not None and unseen.support is not None:
        separation = _separation(held_out.support, unseen.support)
    return UnseenResult(
        compare_routers(unseen.outcomes, unseen.routers, plan), "tasks" if clustered else "prompts", separation
    )


def _separation(seen: Array, unseen: Array) -> Separation:
    edges = np.linspace(0, 1, 21)
    shares = [np.histogram(np.clip(s, 0, 1), edges)[0] / len(s) for s in (seen, unseen)]
    return Separation(auroc(unseen, seen), edges, shares[0], shares[1])
