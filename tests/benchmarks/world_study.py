"""Studies on the synthetic world, whose truth is known: what logs teach, and whether intervals cover.

Tests call them in a short form, `run_statistics` in the full one. SYNTHETIC: no figure here is about a real model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from serving.decision.features import extract
from serving.decision.types import FloatArray, Request
from tests.support.target_policies import threshold_policy
from training.dataset.dataset import Dataset, build_dataset
from training.export.reference import predict
from training.metrics.cost_quality import Router
from training.metrics.off_policy import LoggedTraffic, UnsupportedPolicy, policy_value
from training.models.fit import FitSettings, Fitted, fit
from training.models.meta_learners import policy_area
from training.synthetic import LegacyRouter, LoggingPolicy, PromptSample, World
from training.types import Array

Encode = Callable[[Sequence[Request]], FloatArray]
"""Requests -> design rows, float32 (n, P)."""

OLD = LegacyRouter()
"""The router of yesterday that logged: what looks hard went to reasoning, at up to nineteen to one."""


def features_only(requests: Sequence[Request]) -> FloatArray:
    """Give the complexity features alone: design rows that cost no encoder."""
    return np.stack([extract(request) for request in requests]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Sampled:
    """Prompts of a world and their design rows."""

    world: World
    draws: PromptSample
    x: FloatArray

    @staticmethod
    def of(seed: int, n: int, encode: Encode) -> Sampled:
        """Draw the first n prompts of the world with that seed."""
        world = World(seed)
        draws = world.sample(n)
        return Sampled(world, draws, encode(draws.requests))

    def paired(self) -> Dataset:
        """Call every arm for every prompt."""
        return build_dataset(self.world.records(self.draws), self.world.arms)

    def logged(self, policy: LoggingPolicy) -> Dataset:
        """Call one arm for each prompt, as the policy draws it."""
        return build_dataset(self.world.records(self.draws, policy), self.world.arms)

    def head(self, n: int) -> Sampled:
        """Keep the first n prompts."""
        return Sampled(self.world, self.draws.take(np.arange(n)), self.x[:n])


def unweighted(dataset: Dataset) -> Dataset:
    """Take the propensities away: every call counts as if each arm had been drawn at its overall rate for all alike."""
    rate = dataset.observed.mean(axis=0)
    return replace(dataset, propensity=np.where(dataset.observed, rate, np.nan))


def tie_value_usd(draws: PromptSample) -> float:
    """Value of a success at which both constant arms are worth the same: there routing matters most."""
    cost, success = draws.truth.cost_usd.mean(axis=0), draws.truth.success.mean(axis=0)
    return float((cost[-1] - cost[0]) / (success[-1] - success[0]))


@dataclass(frozen=True, slots=True)
class Gain:
    """What a learner's routing is truly worth on prompts that no learner has seen.

    Parameters
    ----------
    net_usd
        Per request, value x success - cost above the best constant arm; an arm is chosen where its predicted uplift is
        worth more than its true expected extra cost.
    area
        Mean success over random routing at the same rate, averaged over all rates.
    """

    net_usd: float
    area: float


def gain_of(uplift: Array, test: PromptSample, value_usd: float) -> Gain:
    """Judge predicted uplift (n, K-1) by the truth."""
    net = value_usd * test.truth.success - test.truth.cost_usd
    extra = test.truth.cost_usd[:, 1:] - test.truth.cost_usd[:, :1]
    worth = np.column_stack([np.zeros(len(uplift)), value_usd * uplift - extra])
    chosen = net[np.arange(len(net)), worth.argmax(axis=1)]
    return Gain(float(chosen.mean() - net.mean(axis=0).max()), policy_area(uplift, test.truth.success))


def gain_of_fit(dataset: Dataset, x: FloatArray, test: Sampled, settings: FitSettings, value_usd: float) -> Gain:
    """Learn, then judge on the test prompts."""
    return gain_of(predict(fit(bare(dataset), x, settings).model, test.x).uplift, test.draws, value_usd)


def bare(dataset: Dataset) -> Dataset:
    """Leave out tokens, latency and task names: they play no part here, and their heads would take most of the time."""
    nothing = np.full_like(dataset.success, np.nan)
    nameless = np.full(len(dataset), None, object)
    return replace(dataset, output_tokens=nothing, latency_ms=nothing, tasks=nameless)


@dataclass(frozen=True, slots=True)
class Insider:
    """An old policy that knows what no text shows: clients who ask for reasoning where they expect trouble.

    Its propensities are recorded, but no model of the text can explain them.
    """

    sharpness: float = 1.5

    def __call__(self, draws: PromptSample) -> Array:
        """Give the probabilities."""
        hard = draws.truth.difficulty
        reason = 1 / (1 + np.exp(-self.sharpness * (hard - hard.mean()) / hard.std()))
        reason = np.clip(reason, 0.05, 0.95)
        return np.column_stack([1 - reason, reason])


@dataclass(frozen=True, slots=True)
class Logs:
    """One seed: what logs teach beside paired data."""

    paired: Gain
    paired_same_calls: Gain
    logged: Gain
    ignoring: Gain


def learn_from_logs(
    seed: int, n: int, test: Sampled, encode: Encode, settings: FitSettings, policies: Sequence[LoggingPolicy]
) -> tuple[Logs, ...]:
    """Learn from n paired prompts (2 n calls), from n / 2 of them (n calls), and from n calls logged by each policy.

    The logs are learnt from twice: as they are, and with the propensities taken away.
    """
    train, value = Sampled.of(seed, n, encode), tie_value_usd(test.draws)
    half = train.head(n // 2)

    def gain(dataset: Dataset, x: FloatArray) -> Gain:
        return gain_of_fit(dataset, x, test, replace(settings, seed=seed), value)

    whole, same_calls = gain(train.paired(), train.x), gain(half.paired(), half.x)
    logs = [train.logged(policy) for policy in policies]
    return tuple(Logs(whole, same_calls, gain(log, train.x), gain(unweighted(log), train.x)) for log in logs)


@dataclass(frozen=True, slots=True)
class Coverage:
    """In how many of the simulations each interval held the truth, and its mean width.

    Parameters
    ----------
    simulations, refused
        Logs that were judged, and logs that were refused for want of overlap.
    """

    simulations: int
    refused: int
    truth: float
    hits: dict[str, int]
    width: dict[str, float]


def cover(pool: Sampled, model: Fitted, prompts: int, simulations: int, seed: int = 0) -> Coverage:
    """Log traffic of the pool by the old policy, again and again, and judge a threshold policy of the model by it.

    Parameters
    ----------
    pool
        The population: prompts are drawn from it with replacement, so its truth is exact.
    model
        Fitted on other prompts; its success is the outcome model.
    """
    forecast = predict(model.model, pool.x)
    target = threshold_policy(Router("new", forecast.uplift[:, -1]), 0.05, 2, explore=0.05)
    chances, success = OLD(pool.draws), pool.draws.truth.success
    truth = float((target * success).sum(axis=1).mean())
    hits, width = dict.fromkeys(("ips", "snips", "dr"), 0), dict.fromkeys(("ips", "snips", "dr"), 0.0)
    refused = 0
    for number in range(simulations):
        rng = np.random.default_rng([seed, number])
        rows = rng.integers(len(success), size=prompts)
        arm = (rng.random(prompts) < chances[rows, 1]).astype(np.int64)
        reward = (rng.random(prompts) < success[rows, arm]).astype(np.float64)
        log = LoggedTraffic(arm, reward, chances[rows, arm], 2)
        try:
            value = policy_value("new", log, target[rows], forecast.success[rows])
        except UnsupportedPolicy:
            refused += 1
            continue
        for name, interval in (("ips", value.ips), ("snips", value.snips), ("dr", value.dr)):
            assert interval is not None
            hits[name] += interval.lower <= truth <= interval.upper
            width[name] += interval.upper - interval.lower
    judged = simulations - refused
    return Coverage(judged, refused, truth, hits, {name: total / judged for name, total in width.items()})
