"""Tells whether an answer of the engine may leave the house: every number in it must be one."""

from __future__ import annotations

import math

from serving.decision import Decision


class NotFiniteError(Exception):
    """The engine answered with a number that is none."""


def require_finite(decision: Decision) -> None:
    """Refuse NaN and infinity anywhere in an answer.

    Raises
    ------
    UnsoundError
        One of its numbers is none.
    """
    total = decision.propensity + decision.support
    for estimate in decision.estimates.values():
        total += estimate.success + estimate.cost_usd + estimate.latency_p95_ms + estimate.output_tokens
    if not math.isfinite(total):
        raise NotFiniteError
