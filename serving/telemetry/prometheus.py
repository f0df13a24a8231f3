"""Shows the sum of all workers in Prometheus' own text format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

import orjson
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from serving.telemetry.instruments import Family, MetricRegistry, Samples, sum_samples
from serving.telemetry.shared_board import SharedBoard


class PrometheusExposition:
    """One worker's part in the metrics of all.

    Parameters
    ----------
    registry
        What this worker counts.
    board
        Where all workers pin it.
    place
        This worker's; what a predecessor has pinned there is counted on from.
    """

    def __init__(self, registry: MetricRegistry, board: SharedBoard, place: int = 0) -> None:
        self._registry, self._board, self._place = registry, board, place
        registry.resume_from(_read(board.read(place)))

    def publish(self) -> None:
        """Pin what this worker counts; to be called about once a second."""
        self._board.publish(self._place, orjson.dumps(self._registry.snapshot()))

    def collect(self) -> Samples:
        """Give the sum over all workers: this one's of right now, the others' of the last second.

        This worker's is pinned first, so that no later scrape of another worker shows less.
        """
        self.publish()
        pages = (_read(self._board.read(place)) for place in range(self._board.places))
        return sum_samples(self._registry.families, pages)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Write the exposition.

        Parameters
        ----------
        accept
            The scraper's `accept` header: OpenMetrics where it asks for that.

        Returns
        -------
        bytes, str
            Body and media type.
        """
        encode, media_type = choose_encoder(accept)
        return encode(_Collected(self._registry.families, self.collect())), media_type


class _Collected(Collector):
    """Finished samples in the form that prometheus_client writes; it stands in for a registry."""

    def __init__(self, families: Mapping[str, Family], samples: Samples) -> None:
        self._families, self._samples = families, samples

    def collect(self) -> Iterator[Metric]:
        for name, family in self._families.items():
            yield _metric(family, self._samples.get(name, ()))


def _metric(family: Family, rows: Any) -> Metric:
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(family.name, family.documentation, labels=family.labels)
        for labels, row in rows:
            bounds = [*map(floatToGoString, family.bounds), "+Inf"]
            counts = list(accumulate(row[:-1]))
            histogram.add_metric(labels, list(zip(bounds, counts, strict=True)), row[-1])
        return histogram
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(family.name, family.documentation, labels=family.labels)
    for labels, value in rows:
        metric.add_metric(labels, value)
    return metric


def _read(page: bytes) -> Samples:
    samples: Samples = orjson.loads(page) if page else {}
    return samples
