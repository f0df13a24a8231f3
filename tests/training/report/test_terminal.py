"""Decisions as terminal tables."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.table import Table

from tests.support.policy_cases import decide
from training.report.terminal import decision_table, decisions_table


def text_of(table: Table, width: int = 200) -> str:
    console = Console(width=width, file=StringIO(), no_color=True)
    with console.capture() as caught:
        console.print(table)
    return caught.get()


def test_a_decision_shows_every_arm_and_marks_the_chosen_one() -> None:
    decision = decide()
    shown = text_of(decision_table(decision))
    assert f"{decision.bucket}: serve with '{decision.arm}'" in shown
    marked = [line for line in shown.splitlines() if "→" in line]
    assert len(marked) == 1
    assert f"→ {decision.arm}" in marked[0]
    assert f"{decision.estimates[decision.arm].cost_usd:.5f}" in marked[0]
    assert decision.reason in " ".join(shown.split())


def test_many_decisions_are_cut_and_escaped() -> None:
    estimates = {"direct": {"success": 0.5, "cost_usd": 0.0001}, "high": {"success": 0.75, "cost_usd": 0.03}}
    answer = {"bucket": "maybe", "arm": "direct", "reason": "pays [not]", "estimates": estimates}
    table = decisions_table("Two", [("[red]short", answer), ("x" * 100, answer)], ["direct", "high"])
    shown = text_of(table, 400)
    assert "[red]short" in shown, "markup in a prompt is text"
    assert "pays [not]" in shown
    assert "x" * 75 + "…" in shown
    assert "x" * 76 not in shown
    assert "0.50 | 0.75" in shown
    assert "0.0001 | 0.0300" in shown
