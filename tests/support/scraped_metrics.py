"""A metric registry, and what Prometheus reads of it."""

from __future__ import annotations

from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.prometheus import PrometheusExposition
from serving.telemetry.shared_board import SharedBoard


class ScrapedMetrics:
    """A registry with the exposition of one worker, and a clock in seconds that is set by hand."""

    def __init__(self) -> None:
        self.registry = MetricRegistry()
        self.exposition = PrometheusExposition(self.registry, SharedBoard(), 0)
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def samples(self, prefix: str) -> dict[str, float]:
        """Samples whose name and labels (in the order of the alphabet) begin so, and their values."""
        self.exposition.publish()
        body, _ = self.exposition.render("text/plain")
        pairs = (line.rpartition(" ") for line in body.decode().splitlines() if line.startswith(prefix))
        return {name: float(value) for name, _, value in pairs}
