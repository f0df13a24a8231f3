"""Limits: safe defaults that the server's own settings share, and values that cannot change under a request."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from serving.schemas.limits import BodyLimits, RequestLimits
from serving.settings import Settings


def test_defaults_are_those_of_the_settings() -> None:
    limits, fields = RequestLimits(), Settings.model_fields
    assert (limits.body.max_bytes, limits.body.seconds) == (
        fields["max_body_bytes"].default,
        fields["body_seconds"].default,
    )
    assert (limits.max_messages, limits.max_batch) == (fields["max_messages"].default, fields["max_batch"].default)


def test_limits_cannot_change_under_a_request() -> None:
    limits = RequestLimits(BodyLimits(max_bytes=1), max_batch=2)
    with pytest.raises(FrozenInstanceError):
        limits.max_batch = 3  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        limits.body.max_bytes = 3  # type: ignore[misc]
    assert limits == RequestLimits(BodyLimits(max_bytes=1), max_batch=2) != RequestLimits()
