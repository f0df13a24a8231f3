"""Response model of a synthetic world: success, failure modes, tokens, latency and cost per prompt and arm.

All arrays have one row per prompt (n) and one column per arm (K). Nothing is random: `outcome_generator` samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from serving.decision import Arm
from training.synthetic.concept_drift import ConceptDrift
from training.synthetic.prices import PriceTable
from training.synthetic.task_types import FAILURE_MODES, STRENGTH, TASKS, THINKING, Traits
from training.types import Array, BoolArray, IntArray

VISIBLE_SIGMA: Final = 0.45
HIDDEN_SIGMA: Final = 0.70
LATENCY_SIGMA: Final = 0.30
"""Sigmas of the lognormal tails."""

VISIBLE_LIMIT: Final = 4_000.0
HIDDEN_LIMIT: Final = 24_000.0
"""Where the provider cuts a call off, in tokens."""

TIMEOUT_MS: Final = 600_000.0
RETRY_MS: Final = 1500.0
OVERHEAD_MS: Final = 350.0
MS_PER_TOKEN: Final = 9.0

#                              none  verbose  drift  timeout  bloat  confident
VISIBLE_FACTOR: Final = np.array([1.0, 3.5, 1.3, 0.5, 2.2, 0.8])
HIDDEN_FACTOR: Final = np.array([1.0, 1.5, 1.2, 1.8, 4.0, 0.6])
"""What a failure mode makes of the visible and of the hidden tokens."""

TIMEOUT: Final = 1 + FAILURE_MODES.index("timeout")
BLOAT: Final = 1 + FAILURE_MODES.index("token_bloat")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides how a prompt fares, whichever arm serves it; all (n,).

    Parameters
    ----------
    tasks
        Names of base tasks, object.
    level
        In [0, 1]: the part of the difficulty that the text shows, blurred.
    penalty
        Logits that the language adds.
    hidden
        Standard normal: the part that no text shows.
    shifted
        Whether the prompt came after the shift.
    input_tokens, cached_input_tokens
        Counts.
    """

    tasks: NDArray[np.object_]
    level: Array
    penalty: Array
    hidden: Array
    shifted: BoolArray
    input_tokens: Array
    cached_input_tokens: Array


@dataclass(frozen=True, slots=True)
class WorldTruth:
    """What is true of n prompts and K arms; the names without `median` or `modes` are expectations of one call.

    Parameters
    ----------
    difficulty
        (n,) logits.
    success
        (n, K) P(success).
    wrong_modes
        (n, K, 1 + 5) P(failure mode | wrong), 'no failure mode' first.
    right_bloat
        (n, K) P(token_bloat | right); no other mode goes with success.
    visible_median, hidden_median
        (n, K) tokens of a call without failure mode.
    ms_per_token, overhead_ms
        (n, K).
    retry_chance
        (n, K) chance of a first retry; its square is that of a second, its cube that of a third.
    output_tokens, reasoning_tokens, latency_ms, cost_usd
        (n, K) expectations; output includes reasoning tokens.
    """

    difficulty: Array
    success: Array
    wrong_modes: Array
    right_bloat: Array
    visible_median: Array
    hidden_median: Array
    ms_per_token: Array
    overhead_ms: Array
    retry_chance: Array
    output_tokens: Array
    reasoning_tokens: Array
    latency_ms: Array
    cost_usd: Array

    def take(self, rows: IntArray | BoolArray) -> WorldTruth:
        """Keep some prompts."""
        return WorldTruth(*(getattr(self, one.name)[rows] for one in fields(self)))


def concat_truths(parts: Sequence[WorldTruth]) -> WorldTruth:
    """Put truths of the same arms in order."""
    return WorldTruth(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(WorldTruth)))


def success(circumstances: Circumstances, arms: Sequence[Arm], shift: ConceptDrift | None) -> Array:
    """P(success), (n, K)."""
    strength = np.array([STRENGTH[arm.effort] for arm in arms])
    floor, ceiling = _trait(circumstances, "floor")[:, None], _trait(circumstances, "ceiling")[:, None]
    top = ceiling - _trait(circumstances, "overthinking")[:, None] * strength
    gain = _trait(circumstances, "gain") * _shifted(circumstances, shift.gain if shift else {}, 1.0)
    push = gain[:, None] * strength - difficulty(circumstances, shift)[:, None]
    chance: Array = floor + (top - floor) / (1.0 + np.exp(-push))
    return chance


def difficulty(circumstances: Circumstances, shift: ConceptDrift | None) -> Array:
    """Logits against the direct arm, (n,)."""
    shown = _trait(circumstances, "base") + _trait(circumstances, "span") * circumstances.level + circumstances.penalty
    unseen = _trait(circumstances, "hidden") * circumstances.hidden
    return shown + unseen - _shifted(circumstances, shift.skill if shift else {}, 0.0)


def respond(
    circumstances: Circumstances, arms: Sequence[Arm], tariff: PriceTable, shift: ConceptDrift | None
) -> WorldTruth:
    """Work out everything that is true of the prompts."""
    right = success(circumstances, arms, shift)
    hard = difficulty(circumstances, shift)
    strength = np.array([STRENGTH[arm.effort] for arm in arms])
    wrong_modes = _wrong_modes(circumstances, strength)
    bloat = np.broadcast_to(0.004 + 0.03 * strength, right.shape)
    visible = _trait(circumstances, "visible") * np.exp(_trait(circumstances, "growth") * circumstances.level)
    visible = visible[:, None] * (1.0 - 0.15 * strength)  # answers after reasoning are shorter
    thinking = _trait(circumstances, "thinking") * np.exp(0.18 * hard.clip(-4.0, 4.0))
    thinking = thinking * np.where(circumstances.shifted, shift.tokens if shift else 1.0, 1.0)
    hidden = thinking[:, None] * np.array([THINKING[arm.effort] for arm in arms])
    slower = np.where(circumstances.shifted, shift.latency if shift else 1.0, 1.0)[:, None]
    per_token = np.broadcast_to(MS_PER_TOKEN * slower, right.shape)
    overhead = np.broadcast_to((OVERHEAD_MS + 0.05 * circumstances.input_tokens)[:, None] * slower, right.shape)
    retry = np.broadcast_to(0.02 + 0.05 * strength, right.shape)

    modes = _failure_modes(right, wrong_modes, bloat)
    reasoning = _capped_mean(hidden[..., None] * HIDDEN_FACTOR, HIDDEN_SIGMA, HIDDEN_LIMIT)
    output = reasoning + _capped_mean(visible[..., None] * VISIBLE_FACTOR, VISIBLE_SIGMA, VISIBLE_LIMIT)
    latency = (overhead + RETRY_MS * (retry + retry**2 + retry**3))[..., None] + per_token[..., None] * output
    latency[..., TIMEOUT] = TIMEOUT_MS
    mean_output, mean_latency = (modes * output).sum(axis=2), (modes * latency).sum(axis=2)
    fresh, cached = circumstances.input_tokens[:, None], circumstances.cached_input_tokens[:, None]
    cost = tariff.cost_usd(np.arange(len(arms)), fresh, cached, mean_output, mean_latency)
    mean_reasoning = (modes * reasoning).sum(axis=2)
    return WorldTruth(
        hard, right, wrong_modes, bloat, visible, hidden, per_token, overhead, retry, mean_output, mean_reasoning,
        mean_latency, cost,
    )  # fmt: skip


def _failure_modes(right: Array, wrong_modes: Array, right_bloat: Array) -> Array:
    modes = (1.0 - right)[..., None] * wrong_modes
    modes[..., 0] += right * (1.0 - right_bloat)
    modes[..., BLOAT] += right * right_bloat
    return modes


def _capped_mean(median: Array, sigma: float, limit: float) -> Array:
    """Give E[min(X, limit)] of a lognormal X with that median; 0 where the median is."""
    distance = np.log(limit / np.maximum(median, 1e-12)) / sigma
    mean: Array = median * np.exp(sigma**2 / 2) * ndtr(distance - sigma) + limit * ndtr(-distance)
    return mean


def _wrong_modes(circumstances: Circumstances, strength: Array) -> Array:
    """P(mode | wrong), (n, K, 6): reasoning turns confident errors into long ones, bloat and timeouts."""
    lean = np.stack(
        [1.0 + 1.0 * strength, 1.0 + 0.3 * strength, 0.03 + 0.3 * strength, 0.1 + 1.2 * strength, 1.2 - 0.8 * strength],
        axis=1,
    )
    weights = np.array([TASKS[task].failures for task in circumstances.tasks.tolist()]).reshape(-1, 1, 5) * lean
    weights = np.concatenate([np.ones((*weights.shape[:2], 1)), weights], axis=2)
    shares: Array = weights / weights.sum(axis=2, keepdims=True)
    return shares


def _trait(circumstances: Circumstances, name: str) -> Array:
    table: Mapping[str, Traits] = TASKS
    return np.array([getattr(table[task], name) for task in circumstances.tasks.tolist()], dtype=np.float64)


def _shifted(circumstances: Circumstances, effects: Mapping[str, float], neutral: float) -> Array:
    """Effect of the shift per prompt; `neutral` before it and for tasks it leaves alone."""
    after = np.array([effects.get(task, neutral) for task in circumstances.tasks.tolist()], dtype=np.float64)
    return np.where(circumstances.shifted, after, neutral)
