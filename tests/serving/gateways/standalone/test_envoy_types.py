"""Typed extensions carry their type."""

from __future__ import annotations

from serving.gateways.standalone.envoy_types import named_extension


def test_an_extension_says_its_type_beside_its_fields() -> None:
    made = named_extension("thinkgate.x", "filters.http.router.v3.Router", {"suppress_envoy_headers": True})
    assert made == {
        "name": "thinkgate.x",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": True,
        },
    }
