"""Counters, gauges and histograms that cost a fraction of a microsecond to update and sum across processes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[str, ...]
Aggregation = Literal["sum", "max", "min"]
"""How the values of a gauge in several workers become one."""

MAX_SERIES: Final = 500
"""Most series of one family; further label values are dropped, so that no caller can exhaust the memory."""


@dataclass(frozen=True, slots=True)
class Family:
    """Description of one metric.

    Parameters
    ----------
    name
        As Prometheus sees it, without the `_total` of a counter.
    labels
        Names of the labels.
    aggregation
        Of a gauge; counters and histograms are always summed.
    bounds
        Upper bounds of a histogram's buckets, ascending; +Inf is added.
    """

    name: str
    documentation: str
    kind: Kind
    labels: Labels = ()
    aggregation: Aggregation = "sum"
    bounds: tuple[float, ...] = ()


class Counter:
    """A number that only increases, per combination of label values."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: dict[Labels, float] = {}

    def add(self, labels: Labels = (), amount: float = 1.0) -> None:
        """Increase one series."""
        values = self.values
        if labels in values:
            values[labels] += amount
        elif len(values) < MAX_SERIES:
            values[labels] = amount

    def set_total(self, labels: Labels, total: float) -> None:
        """Set a total that another component has counted since this process started."""
        if labels in self.values or len(self.values) < MAX_SERIES:
            self.values[labels] = total


class Gauge:
    """A current value, per combination of label values."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: dict[Labels, float] = {}

    def set(self, value: float, labels: Labels = ()) -> None:
        """Set one series."""
        if labels in self.values or len(self.values) < MAX_SERIES:
            self.values[labels] = value

    def replace(self, values: Mapping[Labels, float]) -> None:
        """Replace all series; those that are not named are removed."""
        self.values = dict(list(values.items())[:MAX_SERIES])


class Histogram:
    """Counts of values by bucket, and their sum.

    A row holds the counts of len(bounds) + 1 buckets, followed by the sum.
    """

    __slots__ = ("bounds", "values")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.values: dict[Labels, list[float]] = {}

    def row(self, labels: Labels = ()) -> list[float]:
        """Return a row for `record`, which saves the lookup where the labels are known in advance."""
        row = self.values.get(labels)
        if row is None:
            row = [0.0] * (len(self.bounds) + 2)
            if len(self.values) < MAX_SERIES:
                self.values[labels] = row
        return row

    def record(self, row: list[float], value: float) -> None:
        """Count a value in a row."""
        row[bisect_left(self.bounds, value)] += 1.0
        row[-1] += value

    def observe(self, value: float, labels: Labels = ()) -> None:
        """Count a value."""
        self.record(self.row(labels), value)


Samples = Mapping[str, Sequence[Sequence[Any]]]
"""Family name to pairs of label values (list) and value (a number, or a histogram's row); JSON-serialisable."""


@dataclass(slots=True)
class MetricRegistry:
    """All metrics of one worker.

    Parameters
    ----------
    collectors
        Called before each snapshot, to read what other components count.
    base
        Last samples of this worker's predecessor; counters and histograms go on from them.
    """

    families: dict[str, Family] = field(default_factory=dict)
    collectors: list[Callable[[], None]] = field(default_factory=list)
    inherited: Samples = field(default_factory=dict)
    _series: dict[str, Counter | Gauge | Histogram] = field(default_factory=dict)

    def counter(self, name: str, documentation: str, labels: Labels = ()) -> Counter:
        """Register a counter."""
        counter = Counter()
        self._add(Family(name, documentation, "counter", labels), counter)
        return counter

    def gauge(self, name: str, documentation: str, labels: Labels = (), aggregation: Aggregation = "sum") -> Gauge:
        """Register a gauge."""
        gauge = Gauge()
        self._add(Family(name, documentation, "gauge", labels, aggregation), gauge)
        return gauge

    def histogram(self, name: str, documentation: str, labels: Labels, bounds: Sequence[float]) -> Histogram:
        """Register a histogram."""
        histogram = Histogram(bounds)
        self._add(Family(name, documentation, "histogram", labels, bounds=tuple(bounds)), histogram)
        return histogram

    def resume_from(self, samples: Samples) -> None:
        """Go on counting from a predecessor's samples, so that no counter of the server ever decreases."""
        self.inherited = samples

    def snapshot(self) -> Samples:
        """Run the collectors, and return all samples."""
        for collect in self.collectors:
            collect()
        own = {
            name: [[list(labels), value] for labels, value in series.values.items()]
            for name, series in self._series.items()
        }
        if not self.inherited:
            return own
        cumulative = {name: family for name, family in self.families.items() if family.kind != "gauge"}
        return {**own, **sum_samples(cumulative, (self.inherited, own))}

    def _add(self, family: Family, series: Counter | Gauge | Histogram) -> None:
        if family.name in self.families:
            raise ValueError(f"two metrics are called {family.name}")
        self.families[family.name] = family
        self._series[family.name] = series


def sum_samples(families: Mapping[str, Family], workers: Iterable[Samples]) -> Samples:
    """Sum several workers' samples; families that are not registered are ignored.

    Examples
    --------
    >>> lag = Family("lag", "", "gauge", aggregation="max")
    >>> dict(sum_samples({"lag": lag}, [{"lag": [[[], 1.0]]}, {"lag": [[[], 3.0]]}, {}]))
    {'lag': [[[], 3.0]]}
    """
    merged: dict[str, dict[Labels, Any]] = {}
    for samples in workers:
        for name, rows in samples.items():
            family = families.get(name)
            if family is None:
                continue
            series = merged.setdefault(name, {})
            for labels, value in rows:
                key = tuple(labels)
                series[key] = value if key not in series else _combine(family, series[key], value)
    return {name: [[list(labels), value] for labels, value in series.items()] for name, series in merged.items()}


def _combine(family: Family, one: Any, other: Any) -> Any:
    if family.kind == "histogram":
        return [a + b for a, b in zip(one, other, strict=True)] if len(one) == len(other) else one
    if family.kind == "gauge" and family.aggregation != "sum":
        return max(one, other) if family.aggregation == "max" else min(one, other)
    return one + other
