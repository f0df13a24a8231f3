"""Instruments: bounded label values, and one sum over several workers' samples."""

from __future__ import annotations

from typing import Literal

import pytest

from serving.telemetry.instruments import MAX_SERIES, Counter, Family, Gauge, Histogram, MetricRegistry, sum_samples


def test_label_values_are_bounded() -> None:
    counter = Counter()
    for number in range(MAX_SERIES + 100):
        counter.add((str(number),))
    counter.add(("0",))
    assert (len(counter.values), counter.values["0",]) == (MAX_SERIES, 2.0)
    counter.set_total(("beyond",), 3.0)
    assert ("beyond",) not in counter.values
    gauge = Gauge()
    gauge.replace({(str(number),): 1.0 for number in range(MAX_SERIES + 1)})
    assert len(gauge.values) == MAX_SERIES
    histogram = Histogram((1.0,))
    for number in range(MAX_SERIES + 1):
        histogram.observe(0.5, (str(number),))
    assert len(histogram.values) == MAX_SERIES


def test_replacing_a_gauge_drops_the_series_that_are_not_named() -> None:
    gauge = Gauge()
    gauge.set(1.0, ("old",))
    gauge.replace({("new",): 2.0})
    assert gauge.values == {("new",): 2.0}


def test_a_value_on_a_bound_belongs_to_that_bucket() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.1, 0.11, 1.0, 1.01):
        histogram.observe(value)
    assert histogram.values[()] == [1.0, 2.0, 1.0, pytest.approx(2.22)]


def test_two_metrics_of_one_name_are_refused() -> None:
    registry = MetricRegistry()
    registry.counter("a", "A.")
    with pytest.raises(ValueError, match="called a"):
        registry.gauge("a", "A.")


def test_collectors_run_before_each_snapshot() -> None:
    registry = MetricRegistry()
    calls = registry.counter("calls", "Calls.")
    registry.collectors.append(calls.add)
    assert registry.snapshot() == {"calls": [[[], 1.0]]}
    assert registry.snapshot() == {"calls": [[[], 2.0]]}


def test_counters_go_on_from_a_predecessor_and_gauges_do_not() -> None:
    registry = MetricRegistry()
    registry.counter("hits", "Hits.", ("arm",)).add(("a",))
    registry.gauge("lag", "Lag.").set(0.5)
    registry.histogram("took", "Took.", (), (1.0,)).observe(2.0)
    registry.resume_from({"hits": [[["a"], 4.0], [["b"], 1.0]], "lag": [[[], 9.0]], "took": [[[], [1.0, 0.0, 0.5]]]})
    assert registry.snapshot() == {
        "hits": [[["a"], 5.0], [["b"], 1.0]],
        "lag": [[[], 0.5]],
        "took": [[[], [1.0, 1.0, 2.5]]],
    }


@pytest.mark.parametrize(("aggregation", "expected"), [("sum", 4.0), ("max", 3.0), ("min", 1.0)])
def test_a_gauge_of_several_workers_is_one_number(aggregation: Literal["sum", "max", "min"], expected: float) -> None:
    families = {"g": Family("g", "", "gauge", aggregation=aggregation)}
    assert sum_samples(families, [{"g": [[[], 1.0]]}, {"g": [[[], 3.0]]}]) == {"g": [[[], expected]]}


def test_families_that_only_another_version_knows_are_left_out() -> None:
    families = {"hits": Family("hits", "", "counter", ("arm",))}
    assert sum_samples(families, [{"gone": [[[], 1.0]], "hits": [[["a"], 1.0]]}]) == {"hits": [[["a"], 1.0]]}


def test_histograms_with_other_buckets_are_not_mixed() -> None:
    families = {"took": Family("took", "", "histogram", bounds=(1.0,))}
    workers = [{"took": [[[], [1.0, 0.0, 0.5]]]}, {"took": [[[], [1.0, 0.0, 0.0, 0.5]]]}]
    assert sum_samples(families, workers) == {"took": [[[], [1.0, 0.0, 0.5]]]}
