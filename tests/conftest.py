"""Settings that hold for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A slow machine is no failure: speed is measured in tests/benchmarks, never asserted.
settings.register_profile("thinkgate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("thinkgate")
