"""Reads the samples of a Prometheus exposition."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from serving.telemetry.prometheus import PrometheusExposition

Series = tuple[str, frozenset[tuple[str, str]]]


def samples_of(exposition: PrometheusExposition) -> Mapping[Series, float]:
    """Render and parse an exposition: sample name and labels to value."""
    body, media_type = exposition.render()
    assert media_type.startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def sample_value(exposition: PrometheusExposition, name: str, **labels: str) -> float:
    """Return one sample's value."""
    return samples_of(exposition)[name, frozenset(labels.items())]
