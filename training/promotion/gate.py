"""The promotion gate: compares champion and challenger on the same held-out requests and decides on promotion.

Pure: numbers in, `Promote` or `Reject` with its reason out. Requests with known outcomes of every arm count as they
are; the others by a doubly robust estimate with the recorded propensity of the arm that served. Its forecasts are the
champion's, never the challenger's: where the log has no data, a challenger can't be promoted on its own forecasts.
Only requests that the two would serve differently contribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from serving.decision import BadInput
from training.metrics import Interval, LoggedTraffic, doubly_robust_success, effective_size
from training.promotion.gate_types import (
    BundleForecast,
    BundleValue,
    GateSettings,
    GateVerdict,
    Promote,
    Reject,
    RequestWindow,
    usd_per_thousand,
)
from training.types import Array, IntArray


def run_gate(
    window: RequestWindow, champion: BundleForecast, challenger: BundleForecast, settings: GateSettings | None = None
) -> GateVerdict:
    """Decide whether a challenger may replace the champion.

    Raises
    ------
    BadInput
        The window has no two requests that can be used, or shapes differ.
    """
    settings = settings or GateSettings()
    known = np.isfinite(window.success)
    paired = known.all(axis=1)
    usable = np.flatnonzero(paired | (known.sum(axis=1) == 1))
    if len(usable) < 2:
        raise BadInput(f"{len(usable)} requests of the window have a known outcome: report outcomes, or widen it")
    for forecast in (champion, challenger):
        if forecast.success.shape != window.success.shape or len(forecast.chosen) != len(window):
            raise BadInput(
                f"bundle {forecast.bundle_id[:12]} was evaluated on other requests or arms than the window's"
            )
    filled = _Filled.of(window, champion, settings.max_weight)
    net = window.value_usd[:, None] * filled.success - filled.cost_usd
    gain = _at(net, challenger.chosen) - _at(net, champion.chosen)
    differ = (challenger.chosen != champion.chosen)[usable]
    effective = min(
        _effective(window, forecast.chosen, usable[differ], settings.max_weight) for forecast in (champion, challenger)
    )
    found = GateVerdict(
        verdict=Reject("data", ""),
        gain=_interval(gain[usable], settings.level),
        champion=_value(champion, filled, net, usable, settings.level),
        challenger=_value(challenger, filled, net, usable, settings.level),
        requests=len(usable),
        paired=int(paired.sum()),
        differ=float(differ.mean()),
        effective=effective,
        brier=_brier(window, champion, challenger, usable, settings.level),
        tasks=_by_task(gain[usable], window.tasks[usable], settings),
    )
    later = filled.latency_ms
    slower = _interval((_at(later, challenger.chosen) - _at(later, champion.chosen))[usable], settings.level)
    return _decided(found, slower, champion, challenger, settings)


def _decided(
    found: GateVerdict, slower: Interval, champion: BundleForecast, challenger: BundleForecast, settings: GateSettings
) -> GateVerdict:
    keep = (
        _too_little(found, settings)
        or _no_gain(found)
        or _worst_task(found)
        or _slower(found, slower, settings)
        or _forecasts(found, settings)
        or _bundle(champion, challenger, settings)
    )
    return replace(found, verdict=keep or Promote(found.gain))


def _too_little(found: GateVerdict, settings: GateSettings) -> Reject | None:
    if not found.differ:
        return Reject("alike", f"both serve all {found.requests} requests alike")
    if found.effective < settings.min_effective:
        return Reject(
            "overlap",
            f"requests that the two serve differently are worth {found.effective:.0f}, {settings.min_effective:.0f} are"
            " needed: explore more, wait for more outcomes, or collect paired data",
        )
    return None


def _no_gain(found: GateVerdict) -> Reject | None:
    if found.gain.positive:
        return None
    word = "loses" if found.gain.upper < 0 else "shows no gain:"
    return Reject("gain", f"the challenger {word} {usd_per_thousand(found.gain)} USD per 1,000 requests")


def _worst_task(found: GateVerdict) -> Reject | None:
    if not found.tasks:
        return None
    task = min(found.tasks, key=lambda name: found.tasks[name].upper)
    if found.tasks[task].upper >= 0:
        return None
    return Reject("task", f"task {task} loses {usd_per_thousand(found.tasks[task])} USD per 1,000 requests")


def _slower(found: GateVerdict, slower: Interval, settings: GateSettings) -> Reject | None:
    before = found.champion.latency_ms.value
    if before <= 0 or slower.lower / before <= settings.slower:
        return None
    return Reject("latency", f"requests take {slower.value / before:.0%} longer; {settings.slower:.0%} are allowed")


def _forecasts(found: GateVerdict, settings: GateSettings) -> Reject | None:
    if found.brier.lower <= settings.brier:
        return None
    return Reject("calibration", f"forecasts of success are worse: squared error {found.brier} above the champion's")


def _bundle(champion: BundleForecast, challenger: BundleForecast, settings: GateSettings) -> Reject | None:
    if challenger.supported < champion.supported - settings.coverage:
        reason = f"{challenger.supported:.0%} of requests lie inside what was learnt, {champion.supported:.0%} before"
        return Reject("coverage", reason)
    if champion.epsilon is not None:
        if challenger.epsilon is None and settings.certificate:
            return Reject("certificate", "the champion has a certificate, the challenger has none")
        if challenger.epsilon is not None and challenger.epsilon > champion.epsilon:
            reason = f"its certificate allows a loss of {challenger.epsilon:g}, the champion's {champion.epsilon:g}"
            return Reject("certificate", reason)
    if challenger.size_bytes > settings.growth * champion.size_bytes:
        mib = challenger.size_bytes / 2**20
        return Reject("size", f"{mib:.1f} MiB are more than {settings.growth:g} times the champion's")
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Filled:
    """Outcomes of every arm, (n, K) each: as known, else doubly robust."""

    success: Array
    cost_usd: Array
    latency_ms: Array

    @staticmethod
    def of(window: RequestWindow, model: BundleForecast, max_weight: float) -> _Filled:
        def fill(seen: Array, forecast: Array) -> Array:
            known = np.isfinite(window.success)
            values = np.where(np.isfinite(seen) & known, seen, forecast)  # the forecast where nothing was measured
            single = np.flatnonzero(known.sum(axis=1) == 1)
            if len(single) < 2:
                return values
            arm = known[single].argmax(axis=1).astype(np.int64)
            log = LoggedTraffic(arm, values[single, arm], window.propensity[single, arm], values.shape[1])
            values[single] = doubly_robust_success(log, forecast[single], max_weight)
            return values

        return _Filled(
            fill(window.success, model.success),
            fill(window.cost_usd, model.cost_usd),
            fill(window.latency_ms, model.latency_ms),
        )


def _value(bundle: BundleForecast, filled: _Filled, net: Array, usable: IntArray, level: float) -> BundleValue:
    def of(table: Array) -> Interval:
        return _interval(_at(table, bundle.chosen)[usable], level)

    return BundleValue(bundle.bundle_id, of(net), of(filled.success), of(filled.cost_usd), of(filled.latency_ms))


def _effective(window: RequestWindow, chosen: IntArray, rows: IntArray, max_weight: float) -> float:
    """Kish's size of these requests for a bundle's arms; a paired request counts as one."""
    own = window.propensity[rows, chosen[rows]]
    weight = np.where(np.isfinite(own), np.minimum(1 / np.where(np.isfinite(own), own, 1.0), max_weight), 0.0)
    return effective_size(weight)


def _brier(
    window: RequestWindow, champion: BundleForecast, challenger: BundleForecast, usable: IntArray, level: float
) -> Interval:
    seen = window.success[usable]
    gap = np.nanmean((challenger.success[usable] - seen) ** 2 - (champion.success[usable] - seen) ** 2, axis=1)
    return _interval(gap, level)


def _by_task(gain: Array, tasks: NDArray[np.object_], settings: GateSettings) -> Mapping[str, Interval]:
    names = sorted({str(task) for task in tasks if task is not None})
    rows = {name: np.flatnonzero(tasks == name) for name in names}
    large = {name: places for name, places in rows.items() if len(places) >= settings.min_task}
    level = 1 - (1 - settings.level) / max(len(large), 1)
    return {name: _interval(gain[places], level) for name, places in large.items()}


def _interval(parts: Array, level: float) -> Interval:
    n = len(parts)
    mean = float(parts.mean())
    half = float(stdtrit(n - 1, (1 + level) / 2) * parts.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, level)


def _at(table: Array, chosen: IntArray) -> Array:
    return np.asarray(table[np.arange(len(chosen)), chosen], np.float64)
