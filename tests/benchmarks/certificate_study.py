"""Certificates on the synthetic world: how often the true loss exceeds epsilon, and what they save.

SYNTHETIC: no figure here is about a real model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from mapie.risk_control import control_fwer
from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value

from tests.benchmarks.world_study import Encode, Sampled, bare
from training.evaluation.logged_history import logged_losses
from training.export.reference import Predictions, predict
from training.metrics.risk_control import Certificate, NoCertificate, certify
from training.models.fit import FitSettings, fit
from training.synthetic import LoggingPolicy
from training.types import Array


@dataclass(frozen=True, slots=True)
class Certified:
    """One resampling: what was certified, and the true loss of the model that is served.

    Parameters
    ----------
    loss
        True mean loss of the served model at the threshold; 0 without a certificate, which keeps all calls.
    avoided
        Share of calls avoided by the threshold.
    best
        The largest share that any threshold of the same model avoids within epsilon: what a prophet would certify.
    """

    found: Certificate | NoCertificate
    loss: float
    avoided: float
    best: float


def by_mapie(score: Array, loss: Array, *, epsilon: float, delta: float, seed: int) -> Certificate | NoCertificate:
    """Certify by MAPIE alone: Hoeffding-Bentkus p-values of the loss shifted into [0, 1]; else as `certify`."""
    grid = np.linspace(-1, 1, 401)
    shifted = np.array([((np.where(score < t, loss, 0.0) + 1) / 2).mean() for t in grid])
    values = compute_hoeffding_bentkus_p_value(shifted, len(score), (epsilon + 1) / 2)[:, 0]
    valid = control_fwer(values, delta, "fixed_sequence")
    last = int(valid[-1]) if len(valid) else 0
    avoided = score < grid[last]
    if not avoided.any():
        return NoCertificate(epsilon, delta, "no threshold that avoids a call", len(score))
    observed = float(np.where(avoided, loss, 0.0).mean())
    return Certificate(
        epsilon, delta, float(grid[last]), float(avoided.mean()), observed, float(values[last]), len(score)
    )


def certify_again(
    pool: Sampled,
    score: Array,
    prompts: int,
    resamplings: int,
    epsilon: float,
    delta: float,
    by: Callable[..., Certificate | NoCertificate] = certify,
) -> tuple[Certified, ...]:
    """Certify fixed scores (m,) of the pool on fresh prompts and fresh outcomes, again and again."""
    success, found = pool.draws.truth.success, []
    for number in range(resamplings):
        rng = np.random.default_rng([17, number])
        rows = rng.integers(len(success), size=prompts)
        outcomes = (rng.random((prompts, success.shape[1])) < success[rows]).astype(np.float64)
        made = by(score[rows], outcomes[:, -1] - outcomes[:, 0], epsilon=epsilon, delta=delta, seed=number)
        found.append(judge_certificate(made, score, pool.draws.uplift[:, -1], epsilon))
    return tuple(found)


def certify_logs(
    pool: Sampled,
    forecast: Predictions,
    policy: LoggingPolicy,
    prompts: int,
    resamplings: int,
    epsilon: float,
    delta: float,
) -> tuple[Certified, ...]:
    """Certify fixed scores on fresh prompts of which the policy logged one arm each, again and again.

    Parameters
    ----------
    forecast
        Of the whole pool, by models that have not seen it: scores, and the success that losses lean on.
    """
    success, chances, score = pool.draws.truth.success, policy(pool.draws), forecast.uplift[:, -1]
    whole, found = bare(pool.paired()), []
    for number in range(resamplings):
        rng = np.random.default_rng([19, number])
        rows = rng.integers(len(success), size=prompts)
        arm = (rng.random(prompts) < chances[rows, 1]).astype(np.int64)
        taken = np.eye(2, dtype=bool)[arm]
        outcomes = (rng.random(taken.shape) < success[rows]).astype(np.float64)
        log = replace(
            whole.subset(rows),
            success=np.where(taken, outcomes, np.nan),
            runs=taken.astype(np.int64),
            propensity=np.where(taken, chances[rows], np.nan),
        )
        losses = logged_losses(log, forecast.success[rows])
        made = certify(score[rows], losses.loss, epsilon=epsilon, delta=delta, bounds=losses.bounds, seed=number)
        found.append(judge_certificate(made, score, pool.draws.uplift[:, -1], epsilon))
    return tuple(found)


def certify_once(
    seed: int, n: int, test: Sampled, encode: Encode, settings: FitSettings, epsilon: float, delta: float
) -> Certified:
    """Train on a world of its own, certify on the held-out folds as `thinkgate train` does, look at the truth."""
    train = Sampled.of(seed, n, encode)
    dataset = train.paired()
    fitted = fit(bare(dataset), train.x, replace(settings, seed=seed))
    loss = dataset.success[:, -1] - dataset.success[:, 0]
    found = certify(fitted.oof_uplift[:, -1], loss, epsilon=epsilon, delta=delta, seed=seed)
    score, lost = predict(fitted.model, test.x).uplift[:, -1], test.draws.uplift[:, -1]
    return judge_certificate(found, score, lost, epsilon)


def judge_certificate(found: Certificate | NoCertificate, score: Array, lost: Array, epsilon: float) -> Certified:
    """Read the truth off a population: scores (m,) of the served model and the true uplift (m,) lost without a call."""
    order = np.argsort(score)
    running = np.cumsum(lost[order]) / len(lost)
    within = np.flatnonzero(running <= epsilon)
    best = float(within[-1] + 1) / len(lost) if len(within) else 0.0
    if isinstance(found, NoCertificate):
        return Certified(found, 0.0, 0.0, best)
    below = score < found.threshold
    return Certified(found, float(np.where(below, lost, 0.0).mean()), float(below.mean()), best)
