"""Settings that hold for all tests."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A slow machine is no failure: speed is measured in tests/benchmarks, never asserted. CI draws the same examples every
# time; a developer's machine draws new ones.
settings.register_profile(
    "thinkgate",
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("thinkgate")
