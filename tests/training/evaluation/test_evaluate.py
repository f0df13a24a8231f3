from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from serving.decision.errors import BadInput
from training.evaluation.evaluate import ReportTitles, curve_points, evaluate_model, learning_sizes, task_table
from training.evaluation.results import ConsumptionForecast, Evaluation, HeldOut, UnseenTasks
from training.metrics.bootstrap import Resampling
from training.metrics.cost_quality import RealisedOutcomes, Router, oracle_share
from training.types import IntArray

N = 800
TITLES = ReportTitles("t", "made up", synthetic=True)


def held_out(seed: int = 0, *, priced: bool = True, n: int = N) -> HeldOut:
    rng = np.random.default_rng(seed)
    task = rng.integers(0, 12, n)
    chance = np.column_stack([0.3 + 0.05 * (task % 4), 0.35 + 0.05 * task])
    success = (rng.random((n, 2)) < chance).astype(float)
    tokens = rng.lognormal(np.array([4.0, 7.0]), 0.4, (n, 2))
    uplift = chance[:, 1] - chance[:, 0]
    return HeldOut(
        arms=("direct", "reasoning"),
        outcomes=RealisedOutcomes(success, tokens * 1e-6 if priced else None),
        success=chance,
        tasks=np.array([f"task {t}" for t in task], dtype=object),
        support=rng.uniform(0.5, 1, n),
        buckets=np.where(uplift > 0.2, "use", np.where(uplift < 0, "avoid", "maybe")).tolist(),
        chosen=(uplift > 0.1).astype(np.int64),
        consumption=(
            ConsumptionForecast(
                "output tokens", np.exp([4.0, 7.0]) * np.ones((n, 2)), np.exp([4.66, 7.66]) * np.ones((n, 2)), tokens
            ),
        ),
    )


def routers(data: HeldOut) -> list[Router]:
    uplift = data.success[:, 1] - data.success[:, 0]
    return [Router("ours", uplift), Router("random", uplift * 0)]


def full(priced: bool = True) -> Evaluation:
    data = held_out(priced=priced)
    assert data.tasks is not None
    lost = UnseenTasks(data.outcomes, tuple(reversed(routers(data))), data.tasks, np.linspace(0, 0.6, N))
    return evaluate_model(TITLES, data, routers(data), unseen=lost, resamples=100)


def test_all_figures_are_there_and_agree_with_their_own_functions() -> None:
    data, result = held_out(), full()
    assert result.ours.oracle_share is not None
    assert result.ours.oracle_share.value == pytest.approx(oracle_share(data.outcomes, routers(data)[0]))
    assert [r.name for r in result.rules] == ["always direct", "always reasoning", "our policy"]
    assert [c.arm for c in result.calibration] == ["direct", "reasoning"]
    assert [f.arm for f in result.forecasts] == ["direct", "reasoning"]
    assert sum(b.count for b in result.buckets) == sum(t.count for t in result.tasks) == N
    assert result.unseen is not None
    assert result.unseen.drawn == "tasks"
    assert result.unseen.separation is not None
    assert result.unseen.separation.auroc.value > 0.8
    assert result.unseen.separation.seen.sum() == pytest.approx(1)
    assert {"oracle_share", "ece_direct", "qini", "support_auroc", "cost_per_success_usd"} <= set(result.metrics)
    assert all(isinstance(v, float) and np.isfinite(v) for v in result.metrics.values())


def test_the_same_seed_gives_the_same_figures() -> None:
    assert full().metrics == full().metrics


def test_few_task_types_are_resampled_by_prompt() -> None:
    data = held_out()
    few = np.array(["a", "b"], dtype=object)[np.arange(N) % 2]
    result = evaluate_model(
        TITLES, data, routers(data), unseen=UnseenTasks(data.outcomes, tuple(routers(data)), few), resamples=20
    )
    assert result.unseen is not None
    assert result.unseen.drawn == "prompts"
    assert result.unseen.separation is None


def test_an_evaluation_of_bare_scores_leaves_out_what_it_does_not_know() -> None:
    data = held_out(priced=False)
    bare = HeldOut(data.arms, data.outcomes, data.success)
    result = evaluate_model(TITLES, bare, routers(data)[:1], resamples=20)
    assert not result.priced
    assert (result.tasks, result.buckets, result.forecasts) == ((), (), ())
    assert len(result.rules) == 2
    assert "cost_per_success_usd" not in result.metrics
    with pytest.raises(BadInput, match="at least one router"):
        evaluate_model(TITLES, bare, [])


def test_arms_that_a_logged_history_did_not_use_do_not_enter_calibration() -> None:
    data = held_out()
    observed = data.outcomes.success.copy()
    observed[: N // 2, 0] = observed[N // 2 :, 1] = np.nan
    pseudo = replace(
        data, observed=observed, outcomes=RealisedOutcomes(data.outcomes.success * 1.5 - 0.2, realised=False)
    )
    result = evaluate_model(TITLES, pseudo, routers(data), resamples=50)
    assert [int(c.bins.count.sum()) for c in result.calibration] == [N // 2, N // 2]
    assert result.oracle is None
    assert result.ours.oracle_share is None


@pytest.mark.parametrize("n", [3, 12])
def test_a_handful_of_prompts_or_no_difference_at_all_still_ends_in_figures(n: int) -> None:
    data = held_out(n=n)
    same = replace(data, outcomes=RealisedOutcomes(np.ones((n, 2)), data.outcomes.cost_usd))
    for few in (data, same):
        result = evaluate_model(TITLES, few, routers(few), resamples=30)
        assert np.isfinite(result.ours.equal_quality.calls.value)
    assert result.ours.oracle_share is None
    assert "oracle_share" not in result.metrics


def test_the_task_table_follows_the_policy_or_else_the_share() -> None:
    data = held_out()
    by_policy = task_table(data, routers(data)[0], 0.0)
    assert {t.calls for t in by_policy} == {0.0, 1.0}
    by_share = task_table(replace(data, chosen=None), routers(data)[1], 0.4)
    assert {round(t.calls, 9) for t in by_share} == {0.4}
    for t in by_share:
        assert t.routed_success == pytest.approx(0.6 * t.baseline_success + 0.4 * t.reference_success)
        assert t.lost == pytest.approx(max(t.baseline_success, t.reference_success) - t.routed_success)
    assert [t.count for t in by_policy] == sorted((t.count for t in by_policy), reverse=True)


def test_the_worst_tasks_are_those_that_lose_most_in_total() -> None:
    result = full()
    totals = [t.lost * t.count for t in result.worst_tasks]
    assert totals == sorted(totals, reverse=True)
    assert all(total > 0 for total in totals)


def test_the_learning_curve_rises_with_what_is_learnt() -> None:
    data = held_out(n=2000)
    assert data.tasks is not None
    tasks, test = data.tasks, np.arange(1000, 2000)
    gain = data.outcomes.gain
    sizes_seen: list[int] = []

    def fit(rows: IntArray) -> Router:
        assert rows.max() < 1000, "training must not see a test prompt"
        sizes_seen.append(len(rows))
        mean = {t: gain[rows][tasks[rows] == t].mean() for t in set(tasks[rows])}
        return Router("", np.array([mean.get(t, 0.0) for t in tasks[test]]))

    held = RealisedOutcomes(data.outcomes.success[test])
    points = curve_points(fit, np.arange(1000), held, sizes=(10, 1000), repeats=5, resamples=100)
    assert [p.prompts for p in points] == [10, 1000]
    assert sizes_seen == [10] * 5 + [1000]
    assert points[0].oracle_share.value < points[1].oracle_share.value
    assert points[1].oracle_share.value == pytest.approx(oracle_share(held, fit(np.arange(1000))))
    same = RealisedOutcomes(np.ones((10, 2)))
    with pytest.raises(BadInput, match="nothing to learn"):
        curve_points(fit, np.arange(10), same)


def test_learning_sizes_end_with_all_and_keep_their_distance() -> None:
    assert learning_sizes(90) == (90,)
    assert learning_sizes(1100)[-2:] == (500, 1100)


def test_a_thousand_resamples_of_five_thousand_prompts_take_no_great_memory() -> None:
    sizes = [chunk.size for chunk in Resampling(5000, 1000).chunks()]
    assert max(sizes) <= 200_000
