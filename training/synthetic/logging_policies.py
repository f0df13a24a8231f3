"""Logging policies of a synthetic world, and the true value of any policy on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.synthetic.prompt_sample import PromptSample
from training.synthetic.task_types import BadWorld
from training.types import Array

LoggingPolicy = Callable[[PromptSample], Array]
"""Takes n prompts (with their truth, which an honest policy leaves alone), gives float64 (n, K) probabilities."""

_NUMBER: Final = re.compile(r"\d+")
_HARD_WORDS: Final = (
    "plan", "design", "prove", "shift", "schedule", "why", "decide", "compare", "budget",
    "entwirf", "verteile", "warum", "diseña", "reparte", "decidir", "为什么", "设计", "安排",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every arm with the same chance: a randomised trial."""

    def __call__(self, draws: PromptSample) -> Array:
        """Give the probabilities."""
        return np.full(draws.success.shape, 1.0 / len(draws.arms))


@dataclass(frozen=True, slots=True)
class Always:
    """One arm for all, by name; without overlap."""

    arm: str

    def __call__(self, draws: PromptSample) -> Array:
        """Give the probabilities."""
        names = [arm.name for arm in draws.arms]
        if self.arm not in names:
            raise BadWorld(f"no arm {self.arm!r} in this world; it has {', '.join(names)}")
        return np.tile(np.array([float(name == self.arm) for name in names]), (len(draws), 1))


@dataclass(frozen=True, slots=True)
class LegacyRouter:
    """A router of yesterday: the longer and the more numbers, the likelier an arm that reasons hard.

    It is confounded, because what it looks at goes with difficulty, and it keeps overlap: no arm's probability is
    below `floor`.

    Parameters
    ----------
    sharpness
        0 is uniform; the greater, the stronger the confounding.
    floor
        Least probability of an arm; below 1/K.
    """

    sharpness: float = 1.0
    floor: float = 0.05

    def __call__(self, draws: PromptSample) -> Array:
        """Give the probabilities."""
        arms = len(draws.arms)
        if not 0.0 < self.floor < 1.0 / arms:
            raise BadWorld(f"floor {self.floor} must lie between 0 and 1/{arms}")
        logits = self.sharpness * looks_hard(draws)[:, None] * np.linspace(-1.0, 1.0, arms)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        mixed: Array = self.floor + (1.0 - arms * self.floor) * odds / odds.sum(axis=1, keepdims=True)
        return mixed


@dataclass(frozen=True, slots=True)
class RuleBasedRouter:
    """A gateway's rule of thumb, deterministic: the last arm where the text looks hard, else the first."""

    threshold: float = 0.0

    def __call__(self, draws: PromptSample) -> Array:
        """Give the probabilities."""
        chosen = np.zeros(draws.success.shape)
        hard = looks_hard(draws) > self.threshold
        chosen[hard, -1] = 1.0
        chosen[~hard, 0] = 1.0
        return chosen


@dataclass(frozen=True, slots=True)
class Exploring:
    """Another policy, with a share of uniform choices mixed in."""

    base: LoggingPolicy
    share: float = 0.1

    def __call__(self, draws: PromptSample) -> Array:
        """Give the probabilities."""
        if not 0.0 <= self.share <= 1.0:
            raise BadWorld(f"share {self.share} of exploration must lie in [0, 1]")
        return (1.0 - self.share) * self.base(draws) + self.share / len(draws.arms)


@dataclass(frozen=True, slots=True)
class TruePolicyValue:
    """What a routing policy is truly worth, per request.

    Parameters
    ----------
    success, cost_usd, output_tokens, latency_ms
        Expectations of one call.
    net_usd
        value of success x success - cost.
    reasoning_share
        Share of requests that another arm than the baseline serves.
    """

    success: float
    cost_usd: float
    output_tokens: float
    latency_ms: float
    net_usd: float
    reasoning_share: float


def looks_hard(draws: PromptSample) -> Array:
    """Score the texts by length, count of numbers and telling words; about -3 to 3, (n,)."""
    rows = [(len(text), len(_NUMBER.findall(text)), _names_work(text.lower())) for text in draws.texts]
    chars, numbers, words = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    scores: Array = 0.35 * np.log1p(chars) + 0.4 * np.log1p(numbers) + 1.6 * words - 2.9
    return scores.clip(-3.0, 3.0)


def _names_work(text: str) -> bool:
    return any(word in text for word in _HARD_WORDS)


def probabilities(policy: LoggingPolicy, draws: PromptSample) -> Array:
    """Ask a policy and check its answer.

    Raises
    ------
    BadWorld
        If the answer is no float array (n, K) of probabilities that sum to 1 per prompt.
    """
    chances = np.asarray(policy(draws), dtype=np.float64)
    if chances.shape != draws.success.shape:
        raise BadWorld(f"the policy gave shape {chances.shape}; it must give {draws.success.shape}")
    if not (chances >= 0.0).all() or not np.allclose(chances.sum(axis=1), 1.0, atol=1e-9):
        raise BadWorld("the policy's probabilities must not be negative and must sum to 1 per prompt")
    return chances


def true_value(draws: PromptSample, chances: Array, value_of_success_usd: float = 0.5) -> TruePolicyValue:
    """Give the true value of serving each prompt with arms drawn by `chances`, float64 (n, K).

    Raises
    ------
    BadWorld
        If `chances` are no probabilities over the arms.
    """
    chances = probabilities(lambda _: chances, draws)
    truth = draws.truth
    success, cost, tokens, latency = (
        float((chances * part).sum(axis=1).mean())
        for part in (truth.success, truth.cost_usd, truth.output_tokens, truth.latency_ms)
    )
    net = value_of_success_usd * success - cost
    return TruePolicyValue(success, cost, tokens, latency, net, float(1.0 - chances[:, 0].mean()))


def oracle_policy(draws: PromptSample, value_of_success_usd: float = 0.5) -> Array:
    """Give the policy that no other beats at this value of success, as one-hot float64 (n, K); ties go left."""
    net = value_of_success_usd * draws.truth.success - draws.truth.cost_usd
    best: Array = np.eye(len(draws.arms))[net.argmax(axis=1)]
    return best
