"""SYNTHETIC comparisons with known truth: does the gate promote the better and keep out the worse?

No model is trained: the world has each request's chances, the champion's choices are near the best, and a challenger
differs from it on a share of requests by an amount that is set. Outcomes are logged by the champion with exploration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.promotion.gate import run_gate
from training.promotion.gate_types import BundleForecast, GateSettings, GateVerdict, Promote, RequestWindow

VALUE_USD = 0.10
COST_USD = np.array([0.0006, 0.0250])


@dataclass(frozen=True, slots=True)
class Setting:
    """One kind of comparison.

    Parameters
    ----------
    gain
        True gain of the challenger, as a share of the champion's value.
    explore
        Share of requests that draw an arm at random; an arm that was not chosen has half of it.
    differ
        Share of requests that the two serve differently.
    """

    gain: float
    rows: int = 20_000
    explore: float = 0.2
    differ: float = 0.15
    paired: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """Of `runs` comparisons, how many promoted; the mean of the true gains, as a share of the champion's value."""

    setting: Setting
    runs: int
    promoted: int
    true_gain: float


def one(setting: Setting, seed: int) -> tuple[GateVerdict, float]:
    """Draw one world and compare; gives the true gain too, as a share of the champion's value."""
    rng = np.random.default_rng(seed)
    n = setting.rows
    rows = np.arange(n)
    base = rng.beta(2.0, 1.2, n)
    uplift = rng.beta(1.5, 4.0, n) * (1.0 - base)
    chance = np.column_stack([base, base + uplift])
    cost = COST_USD * rng.lognormal(-0.02, 0.2, (n, 2))
    net = VALUE_USD * chance - cost
    champion = net.argmax(axis=1)
    # Where the two differ, what the challenger's arm gives is set so that the true gain comes out.
    worth = net[rows, champion].mean()
    wanted = (net[rows, champion] + setting.gain * worth / setting.differ + cost[rows, 1 - champion]) / VALUE_USD
    possible = np.flatnonzero((wanted > 0.02) & (wanted < 0.98))
    differ = rng.choice(possible, int(setting.differ * n), replace=False)
    challenger = champion.copy()
    challenger[differ] = 1 - champion[differ]
    forecast = np.clip(chance + rng.normal(0, 0.05, (n, 2)), 0, 1)  # the champion's view, before the change
    chance[differ, challenger[differ]] = wanted[differ]
    net = VALUE_USD * chance - cost
    true = float((net[rows, challenger] - net[rows, champion]).mean() / worth)
    propensity = np.full((n, 2), setting.explore / 2)
    propensity[rows, champion] += 1 - setting.explore
    success = (rng.random((n, 2)) < chance).astype(np.float64)
    seen = np.ones((n, 2), np.bool_)
    if not setting.paired:
        arm = (rng.random(n) > propensity[:, 0]).astype(np.int64)
        seen = np.arange(2) == arm[:, None]
    latency = np.array([2000.0, 20_000.0]) * rng.lognormal(0, 0.3, (n, 2))
    window = RequestWindow(
        np.where(seen, success, np.nan),
        np.where(seen, cost, np.nan),
        np.where(seen, latency, np.nan),
        np.where(seen, 1.0 if setting.paired else propensity, np.nan),
        np.full(n, VALUE_USD),
        np.array(["a", "b", "c", "d", "e"], object)[rng.integers(0, 5, n)],
    )
    view = np.tile(COST_USD, (n, 1)), np.tile([2000.0, 20_000.0], (n, 1))
    judged = [
        BundleForecast(name, chosen, forecast, *view, supported=0.9, epsilon=None, size_bytes=1000)
        for name, chosen in (("champion", champion), ("challenger", challenger))
    ]
    # Which way requests move is part of the draw: waiting is not what is studied here.
    return run_gate(window, judged[0], judged[1], GateSettings(slower=10.0)), true


def count(setting: Setting, runs: int, first_seed: int = 0) -> Counted:
    """Compare `runs` times."""
    promoted, gains = 0, []
    for seed in range(first_seed, first_seed + runs):
        comparison, true = one(setting, seed)
        promoted += isinstance(comparison.verdict, Promote)
        gains.append(true)
    return Counted(setting, runs, promoted, float(np.mean(gains)))
