"""Prometheus exposition: the metrics of all workers, summed, in the text format of Prometheus or OpenMetrics."""

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
    """Publishes one worker's metrics, and renders those of all workers.

    Parameters
    ----------
    registry
        This worker's metrics.
    board
        Shared by all workers.
    slot
        This worker's slot on the board; its counters go on from what a predecessor published there.
    """

    def __init__(self, registry: MetricRegistry, board: SharedBoard, slot: int = 0) -> None:
        self._registry, self._board, self._slot = registry, board, slot
        registry.resume_from(_parse(board.read(slot)))

    def publish(self) -> None:
        """Publish this worker's metrics; to be called about once a second."""
        self._board.publish(self._slot, orjson.dumps(self._registry.snapshot()))

    def collect(self) -> Samples:
        """Sum over all workers: current values of this one, those of the last second of the others.

        This worker publishes first, so that no later scrape of another worker shows less.
        """
        self.publish()
        pages = (_parse(self._board.read(slot)) for slot in range(self._board.slots))
        return sum_samples(self._registry.families, pages)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Render the exposition.

        Parameters
        ----------
        accept
            The scraper's `accept` header; OpenMetrics where it asks for it.

        Returns
        -------
        bytes, str
            Body and media type.
        """
        encode, media_type = choose_encoder(accept)
        return encode(_Collected(self._registry.families, self.collect())), media_type


class _Collected(Collector):
    """Collected samples in the form that prometheus_client encodes, in place of its registry."""

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


def _parse(page: bytes) -> Samples:
    samples: Samples = orjson.loads(page) if page else {}
    return samples
