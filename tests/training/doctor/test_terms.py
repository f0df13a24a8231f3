"""Prices and policy: where each price comes from, and what does not fit."""

from __future__ import annotations

from pathlib import Path

from serving.decision.types import Arm, Price, Usd
from training.doctor.checks import DoctorInput
from training.doctor.terms import check_policy, check_prices

ARMS = (
    Arm("direct", "chat-prod", stands_for="gpt-5.1"),
    Arm("own", "house", "high", price=Price(1.0, 2.0)),
    Arm("gpu", "house", "low", gpu_usd_per_second=Usd(0.002)),
)


def test_the_source_of_every_price_is_shown() -> None:
    result = check_prices(DoctorInput(ARMS))
    assert not result.is_refused
    assert result.rows == (
        ("direct", "gpt-5.1", "openai/gpt-5.1", "1.25", "10"),
        ("own", "house", "arms.toml", "1", "2"),
        ("gpu", "house", "gpu", "-", "0.002 a second"),
    )


def test_an_arm_without_a_price_is_refused() -> None:
    arms = (*ARMS, Arm("free", "house"))
    result = check_prices(DoctorInput(arms))
    assert result.is_refused
    assert "'free'" in result.findings[0].text
    assert check_policy(DoctorInput(arms)).findings[0].level == "note"


def test_a_policy_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    assert check_policy(DoctorInput(ARMS)).findings[0].level == "ok"
    file = tmp_path / "policy.toml"
    file.write_text("value_of_success_usd = -1\n")
    result = check_policy(DoctorInput(ARMS, file))
    assert result.is_refused
    assert "value_of_success_usd" in result.findings[0].text
