"""Inputs and verdicts of the promotion gate, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.metrics import Interval
from training.types import Array, IntArray


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Thresholds of the gate.

    Parameters
    ----------
    level
        Of the two-sided interval of the gain whose lower end must lie above 0.
    min_effective
        Requests served differently must be worth at least so many, for either bundle's arms.
    min_task
        A task with fewer requests is not checked by itself.
    slower
        Share by which requests may take longer, by the lower end of the interval.
    brier
        How much worse the forecast success may be, in squared error.
    coverage
        Share of requests by which coverage of the training data may fall.
    certificate
        A champion with a certificate is followed only by one that has one too. A challenger from a
        journal often has none: logged outcomes say less than paired ones. One that promises less keeps it out always.
    growth
        Times the champion's size that a bundle may have.
    max_weight
        Inverse propensities are clipped here.
    """

    level: float = 0.95
    min_effective: float = 50.0
    min_task: int = 50
    slower: float = 0.25
    brier: float = 0.01
    coverage: float = 0.05
    certificate: bool = False
    growth: float = 2.0
    max_weight: float = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class RequestWindow:
    """n held-out requests that neither bundle was trained on, and what is known of their K arms.

    Parameters
    ----------
    success, cost_usd, latency_ms
        float64 (n, K); NaN where unknown.
    propensity
        float64 (n, K); 1.0 on paired requests, NaN where `success` is.
    value_usd
        float64 (n,), what a success is worth.
    tasks
        object (n,), None where not known.
    """

    success: Array
    cost_usd: Array
    latency_ms: Array
    propensity: Array
    value_usd: Array
    tasks: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.success)


@dataclass(frozen=True, slots=True, eq=False)
class BundleForecast:
    """Forecasts and choices of one bundle on the window's requests.

    Parameters
    ----------
    chosen
        int64 (n,), the arm that it chooses without exploration.
    success, cost_usd, latency_ms
        float64 (n, K), forecasts.
    supported
        Share of requests with enough support in the training data.
    epsilon
        Of its certificate; None without one.
    size_bytes
        Of the bundle.
    """

    bundle_id: str
    chosen: IntArray
    success: Array
    cost_usd: Array
    latency_ms: Array
    supported: float
    epsilon: float | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Promote:
    """The challenger is promoted.

    Parameters
    ----------
    gain
        USD per request.
    """

    gain: Interval

    @property
    def reason(self) -> str:
        """One line for the log."""
        return f"gains {usd_per_thousand(self.gain)} USD per 1,000 requests"


@dataclass(frozen=True, slots=True)
class Reject:
    """The champion stays.

    Parameters
    ----------
    guard
        Which check failed, in one word.
    """

    guard: str
    reason: str


@dataclass(frozen=True, slots=True)
class BundleValue:
    """Estimated value of one bundle's choices on the window, per request."""

    bundle_id: str
    net_usd: Interval
    success: Interval
    cost_usd: Interval
    latency_ms: Interval


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The verdict and the figures that it rests on.

    Parameters
    ----------
    requests, paired
        Of the window that could be used, and those of them whose every arm is known.
    differ
        Share of requests that the two serve differently.
    effective
        Effective sample size of those, for the bundle with less data in the log.
    tasks
        Task -> gain, USD per request; intervals hold for all tasks together.
    """

    verdict: Promote | Reject
    gain: Interval
    champion: BundleValue
    challenger: BundleValue
    requests: int
    paired: int
    differ: float
    effective: float
    brier: Interval
    tasks: Mapping[str, Interval] = field(default_factory=dict)


def usd_per_thousand(gain: Interval) -> str:
    """Write USD a request as USD per 1,000 requests.

    >>> usd_per_thousand(Interval(0.007, 0.004, 0.01))
    '7.00 [4.00, 10.00]'
    """
    value, lower, upper = (1000 * x + 0.0 for x in (gain.value, gain.lower, gain.upper))
    return f"{value:.2f} [{lower:.2f}, {upper:.2f}]"
