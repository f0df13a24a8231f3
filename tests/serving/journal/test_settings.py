"""Journal settings: bounded by default, and statistics that start at zero and healthy."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict

import pytest

from serving.journal.settings import JournalSettings, JournalStats


def test_defaults_bound_memory_and_disk_and_keep_everything() -> None:
    settings = JournalSettings()
    assert settings.retention_days is None
    assert settings.batch <= settings.max_queued
    assert settings.outcome_spool_bytes >= settings.decision_spool_bytes > settings.max_queued_chars


def test_statistics_start_at_zero_and_healthy() -> None:
    stats = asdict(JournalStats())
    assert stats.pop("healthy") is True
    assert set(stats.values()) == {0}


def test_both_are_values() -> None:
    assert JournalStats(spooled=1) == JournalStats(spooled=1) != JournalStats()
    with pytest.raises(FrozenInstanceError):
        JournalSettings().batch = 1  # type: ignore[misc]
