"""Settings that hold for all tests."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

from tests.support.servers import launch, postgres_uri, postgres_url, server

__all__ = ["launch", "postgres_uri", "postgres_url", "server"]  # fixtures for every test

# A slow machine is no failure: speed is measured in tests/benchmarks, never asserted. CI draws the same examples every
# time; a developer's machine draws new ones.
settings.register_profile(
    "thinkgate",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("thinkgate")
