"""Runs the doctor's checks, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from training.doctor.arms import check_unknowns, check_words
from training.doctor.checks import Check, CheckResult, DoctorInput
from training.doctor.terms import check_policy, check_prices

CHECKS: Sequence[Check] = (check_words, check_unknowns, check_prices, check_policy)
"""Every check; to add one, add it here."""


def run_checks(target: DoctorInput, checks: Sequence[Check] = CHECKS) -> tuple[CheckResult, ...]:
    """Run the checks.

    Returns
    -------
    tuple of CheckResult
        In the order of `checks`.
    """
    return tuple(check(target) for check in checks)
