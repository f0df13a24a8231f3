"""The list of checks is run in its order."""

from __future__ import annotations

from serving.decision.types import Arm
from training.doctor.checks import CheckResult, DoctorInput, Finding
from training.doctor.run import CHECKS, run_checks


def test_checks_run_in_order_and_can_be_added() -> None:
    target = DoctorInput((Arm("direct", "gpt-5.1"), Arm("reasoning", "gpt-5.1", "high")))
    added = CheckResult("one more", (Finding("ok", "fine"),))
    results = run_checks(target, (*CHECKS, lambda _: added))
    assert [result.title for result in results][-2:] == ["Policy", "one more"]
    assert not any(result.is_refused for result in results)
