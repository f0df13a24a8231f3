"""What every `train` adds around the contest: policy choices, unseen task types, the learning curve, logged value."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from serving.decision.policy.policy import Policy, Terms
from serving.decision.types import Arm, Prediction, Usd
from tests.support.toy_datasets import chances, dataset, toy_rows
from training.dataset.dataset import Dataset
from training.evaluation.embedding_baselines import PLAIN
from training.evaluation.evaluate import ReportTitles
from training.evaluation.held_out import call_costs, target_policies
from training.evaluation.learning_curve import learning_curve
from training.evaluation.logged_history import logged_values
from training.evaluation.out_of_fold import evaluate_out_of_fold
from training.evaluation.policy_simulation import out_of_fold, simulate_policy
from training.evaluation.results import Evaluation, HeldOut
from training.evaluation.unseen_tasks import leave_tasks_out
from training.metrics.cost_quality import RealisedOutcomes
from training.metrics.risk_control import NoCertificate
from training.models.boosting import TreeSettings
from training.models.fit import FitSettings, Fitted, fit
from training.report.summary import summary
from training.types import Array

SETTINGS = FitSettings(trees=TreeSettings(rounds=25, leaves=7), folds=3, threads=1)
PRICED = (Arm("direct", "gpt-5.1", "none"), Arm("reasoning", "gpt-5.1", "high"))
N = 600


@dataclass(frozen=True)
class Judged:
    epsilon: float = 0.05
    delta: float = 0.1
    resamples: int = 40
    baselines: bool = True
    fit: FitSettings = SETTINGS


@dataclass(frozen=True)
class Learnt:
    data: Dataset
    x: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    truth: Array
    fitted: Fitted

    def appraised(self, judged: Judged | None = None) -> Evaluation:
        embedding, features = self.x[:, :4], self.x[:, 4:]
        titles = ReportTitles("t", "made up", synthetic=True)
        return evaluate_out_of_fold(titles, self.data, self.fitted, embedding, features, judged or Judged(), x=self.x)


def learnt(*, logged: bool) -> Learnt:
    rng = np.random.default_rng(3)
    x = toy_rows(N, rng)
    truth = chances(x)
    # Yesterday's policy reasons where reasoning helps: confounded, with overlap.
    reason = np.clip(0.5 + 0.3 * np.tanh(x[:, 0]), 0.1, 0.9)
    data = dataset(truth, rng, np.column_stack([1 - reason, reason]) if logged else None)
    tasks = np.array([f"task {i}" for i in (x[:, 2] > 0) * 4 + (x[:, 3] > 0) * 2 + (x[:, 4] > 0)], object)
    tokens = np.where(data.observed, np.exp(rng.normal([4.0, 7.0], 0.3, (N, 2))), np.nan)
    inputs = np.where(data.observed, 100.0, np.nan)
    data = replace(data, arms=PRICED, tasks=tasks, output_tokens=tokens, input_tokens=inputs)
    return Learnt(data, x, truth, fit(data, x, SETTINGS))


@pytest.fixture(scope="module")
def paired() -> Learnt:
    return learnt(logged=False)


@pytest.fixture(scope="module")
def logged() -> Learnt:
    return learnt(logged=True)


def test_paired_history_gets_every_part_of_the_report(paired: Learnt) -> None:
    found = paired.appraised()
    assert sum(bucket.count for bucket in found.buckets) == N
    assert [rule.name for rule in found.rules] == ["always direct", "always reasoning", "our policy"]
    assert found.unseen is not None
    assert found.unseen.separation is not None
    assert [router.name for router in found.unseen.routers] == [router.name for router in found.routers]
    assert [point.prompts for point in found.learning] == [100, 200, 400]
    assert found.certificate is not None
    assert found.policies == ()
    assert any("default policy" in note for note in found.notes)


def test_without_rivals_the_plain_routers_are_left(paired: Learnt) -> None:
    found = paired.appraised(Judged(baselines=False))
    assert [router.name for router in found.routers] == ["thinkgate", *(each.name for each in PLAIN)]
    assert found.unseen is not None
    assert len(found.unseen.routers) == len(found.routers)
    assert not any("comparison routers" in note for note in found.notes)
    assert summary(found)


def test_logged_history_is_valued_off_policy_and_the_truth_lies_inside(logged: Learnt) -> None:
    found = logged.appraised()
    assert [value.policy for value in found.policies] == [
        "thinkgate, default policy",
        "always direct",
        "always reasoning",
    ]
    for k, value in enumerate(found.policies[1:]):
        assert value.dr is not None
        for interval in (value.dr, value.snips):
            wide = 2 * (interval.upper - interval.lower)
            assert abs(interval.value - logged.truth[:, k].mean()) < wide
        assert 30 < value.overlap.effective_size < N
    assert (found.learning, found.oracle) == ((), None)
    assert isinstance(found.certificate, NoCertificate), "600 logged calls prove too little"
    assert any("rests on the recorded propensities" in note and "0.0% of the prompts" in note for note in found.notes)
    assert found.priced
    assert any("by DR" in sentence and "As logged" in sentence for sentence in summary(found))
    assert any("logged" in note for note in found.notes)


def test_unseen_task_types_are_scored_by_models_that_never_saw_them(paired: Learnt) -> None:
    steps: list[tuple[int, int]] = []
    found = leave_tasks_out(
        paired.data, paired.x, paired.fitted.learners[0], SETTINGS, lambda _, done, total: steps.append((done, total))
    )
    assert found is not None
    assert len(found.rows) == N
    tasks = paired.data.tasks[found.rows]
    for task in set(tasks):
        assert len(set(found.fold[tasks == task])) == 1, "a task type is left out as a whole"
    assert np.isfinite(found.score).all()
    assert found.score.shape == (N, 1)
    assert steps[-1][0] <= steps[-1][1]
    few = replace(paired.data, tasks=np.array(["a", "b"], object)[np.arange(N) % 2])
    assert leave_tasks_out(few, paired.x, paired.fitted.learners[0], SETTINGS) is None


def test_a_learning_curve_needs_outcomes_of_both_arms(paired: Learnt, logged: Learnt) -> None:
    learner = paired.fitted.learners[0]
    curve = learning_curve(paired.data, paired.x, paired.fitted.fold, learner, SETTINGS)
    assert curve[-1].prompts == int((paired.fitted.fold != 0).sum())
    assert curve[-1].oracle_share.value > curve[0].oracle_share.value - 0.1
    assert learning_curve(logged.data, logged.x, logged.fitted.fold, learner, SETTINGS) == ()
    level = replace(paired.data, success=np.ones_like(paired.data.success))
    assert learning_curve(level, paired.x, paired.fitted.fold, learner, SETTINGS) == ()


def forecast(success: tuple[float, float], spread: float = 0.01) -> Prediction:
    uplift = success[1] - success[0]
    return Prediction(
        success, (uplift,), (uplift - spread,), (uplift + spread,), (100.0, 2000.0), (200.0, 4000.0), (1e3, 2e4),
        (2e3, 4e4), 1.0,
    )  # fmt: skip


def test_choices_are_what_the_engine_decides_in_the_order_of_the_requests(paired: Learnt) -> None:
    asked, forecasts = (
        paired.data.requests[:3],
        [forecast((0.2, 0.9)), forecast((0.9, 0.9)), forecast((0.5, 0.53), 0.2)],
    )
    found = simulate_policy(PRICED, (), asked, forecasts, Policy(terms=Terms(value_of_success_usd=Usd(1.0))))
    assert found is not None
    assert found.arm.tolist()[:2] == [1, 0]
    assert found.buckets == ("use", "avoid", "maybe")
    assert simulate_policy((Arm("a", "no such model"), Arm("b", "nor this")), (), asked, forecasts) is None


def test_low_support_widens_the_interval_of_a_ready_forecast(paired: Learnt) -> None:
    sure, unsure = (out_of_fold(paired.fitted, np.full(N, support), np.arange(N))[7] for support in (1.0, 0.0))
    assert unsure.uplift == sure.uplift
    assert unsure.uplift_upper[0] - unsure.uplift_lower[0] > sure.uplift_upper[0] - sure.uplift_lower[0]
    assert sure.uplift_lower[0] <= sure.uplift[0] <= sure.uplift_upper[0]


def test_a_policy_that_the_log_never_tried_is_named_not_valued(logged: Learnt) -> None:
    never = replace(logged.data, propensity=np.where(logged.data.observed, 1.0, np.nan))
    found = logged_values(never, logged.fitted.oof_success, {"always reasoning": np.ones(N, np.int64)})
    assert found.policies == ()
    assert "always reasoning" in found.notes[0]
    few = logged.data.subset(np.arange(10))
    assert logged_values(few, logged.fitted.oof_success[:10], {}).policies == ()


def test_costs_of_calls_that_were_not_made_come_from_forecast_tokens(logged: Learnt) -> None:
    assert call_costs(logged.data) is None
    tokens = np.full((N, 2), 1000.0)
    priced = call_costs(logged.data, tokens)
    assert priced is not None
    made = logged.data.observed
    assert np.unique(priced[~made]).size == 1
    assert np.unique(priced[made]).size > 100
    unknown = replace(logged.data, input_tokens=np.full((N, 2), np.nan))
    assert call_costs(unknown, tokens) is None


def test_targets_are_the_fixed_rules_and_ours_where_it_is_known() -> None:
    bare = HeldOut(("a", "b"), RealisedOutcomes(np.ones((3, 2))), np.ones((3, 2)))
    assert list(target_policies(bare)) == ["always a", "always b"]
    assert next(iter(target_policies(replace(bare, chosen=np.array([0, 1, 0]))))) == "thinkgate, default policy"
