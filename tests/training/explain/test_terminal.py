"""An explanation as terminal tables."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from serving.decision.selection.utility_breakdown import utility_breakdown
from tests.support.policy_cases import ask, engine
from training.explain.explain import ArmContributions, Explained, FeatureContribution
from training.explain.similar_cases import SimilarCase
from training.explain.terminal import SHOWN, explanation_tables, sum_table


def explained(**changes: Any) -> Explained:
    made = engine()
    decided = made.decide_recorded(ask())
    assert decided.record is not None
    features = tuple(FeatureContribution(f"f{k}", float(k), (10 - k) / 1000) for k in range(10))
    values: dict[str, Any] = {
        "decision": decided.decision,
        "arithmetic": utility_breakdown(decided.record, made.bound_policy),
        "contributions": (ArmContributions("low", 0.05, 0.1, features),),
        "cases": (SimilarCase("p1", 0.87, "count [bold]words", None, (1.0, None, 0.5), (0.1, None, None)),),
        "missing": "",
    }
    return Explained(**(values | changes))


def text_of(table: Table) -> str:
    console = Console(width=200, file=StringIO(), no_color=True)
    with console.capture() as caught:
        console.print(table)
    return caught.get()


def test_the_sum_has_every_arm_and_marks_the_chosen_one() -> None:
    found = explained()
    lines = text_of(sum_table(found.arithmetic)).splitlines()
    marked = [line for line in lines if "→" in line]
    assert len(marked) == 1
    assert found.decision.arm in marked[0]
    assert all(any(arm in line for line in lines) for arm in found.arithmetic.arms)


def test_features_beyond_the_shown_ones_are_summed_in_one_line() -> None:
    table = text_of(list(explanation_tables(explained()))[1])
    assert "f0" in table
    assert f"f{SHOWN}" not in table
    assert "2 more" in table
    assert "+0.3" in table, "0.2 + 0.1 points"


def test_cases_show_unknown_success_as_a_dash_and_text_as_it_is() -> None:
    table = text_of(list(explanation_tables(explained()))[2])
    assert "0.87" in table
    assert "[bold]words" in table, "markup in a prompt is text"
    assert "-" in table


def test_without_companion_data_only_the_sum_is_shown() -> None:
    assert len(list(explanation_tables(explained(contributions=(), cases=())))) == 1
