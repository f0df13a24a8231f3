"""A full SYNTHETIC evaluation of three routers, for everything that renders one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.evaluation.baselines import RandomRate
from training.evaluation.evaluate import ReportTitles, evaluate_model
from training.evaluation.results import ConsumptionForecast, Evaluation, HeldOut, LearningPoint, UnseenTasks
from training.metrics.bootstrap import Interval
from training.metrics.cost_quality import RealisedOutcomes, Router
from training.metrics.off_policy import LoggedTraffic, policy_value
from training.metrics.risk_control import certify

N = 300


def evaluation_of(*, priced: bool = True, synthetic: bool = True) -> Evaluation:
    rng = np.random.default_rng(0)
    task, arms = rng.integers(0, 3, N), np.arange(2)
    chance = np.array([[0.2, 0.9], [0.6, 0.6], [0.5, 0.4]])[task]
    success = (rng.random((N, 2)) < chance).astype(float)
    tokens = np.exp(rng.normal([3.0, 7.0], 0.3, (N, 2)))
    uplift = chance[:, 1] - chance[:, 0]
    names = np.array(["sums", "<b>odd</b> & ends", "poems"], dtype=object)[task]
    outcomes = RealisedOutcomes(success, tokens * 2e-6 if priced else None)
    data = HeldOut(
        arms=("direct", "reasoning"),
        outcomes=outcomes,
        success=chance,
        tasks=names,
        support=rng.uniform(0.4, 1, N),
        buckets=np.where(uplift > 0.3, "use", "avoid").tolist(),
        chosen=(uplift > 0).astype(np.int64),
        consumption=(
            ConsumptionForecast(
                "output tokens", np.exp([3.0, 7.0]) + 0 * tokens, np.exp([3.5, 7.5]) + 0 * tokens, tokens
            ),
        ),
    )
    ours = Router("thinkgate", uplift + rng.normal(0, 0.1, N))
    rival, blind = Router("rival", rng.normal(size=N)), Router(RandomRate().name, np.zeros(N))
    routers = (ours, rival, blind)
    unseen = UnseenTasks(outcomes, routers, names, rng.uniform(0, 0.6, N))
    found = evaluate_model(ReportTitles("Week 12", "sample", synthetic), data, routers, unseen=unseen, resamples=60)
    log = LoggedTraffic(rng.integers(0, 2, N), rng.random(N), np.full(N, 0.5), 2)
    return replace(
        found,
        certificate=certify(ours.score, outcomes.gain, epsilon=0.1),
        policies=(policy_value("champion", log, np.eye(2)[arms[task % 2]]),),
        learning=(LearningPoint(100, Interval(0.3, 0.2, 0.4)), LearningPoint(300, Interval(0.5, 0.4, 0.6))),
        notes=("A note of the caller's.",),
    )
