"""The interface of importers: how arms are found, and how a call that can't be mapped is refused."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.types import Arm
from tests.support.importer_rows import ARMS
from training.importers.base import MappedRow, RefusedRow, arm_of, first_known, json_object, map_row
from training.records.outcome_record import OutcomeRecord, Unmappable


@pytest.mark.parametrize(
    ("model", "effort", "name"),
    [
        ("gpt-5.1", "none", "direct"),
        ("gpt-5.1", "high", "reasoning"),
        ("openai/gpt-5.1", "high", "reasoning"),
        ("gpt-5.1-2025-11-13", "none", "direct"),
    ],
)
def test_an_arm_is_found_by_model_and_effort(model: str, effort: str, name: str) -> None:
    assert arm_of(model, effort, ARMS) == name


def test_a_deployments_name_is_the_arms_by_alias() -> None:
    arms = [
        Arm("direct", "gpt-5.1", aliases=("chat-prod",)),
        Arm("reasoning", "gpt-5.1", "high", aliases=("chat-prod",)),
    ]
    assert arm_of("azure/chat-prod", "high", arms) == "reasoning"
    assert arm_of("gpt-5.1-2025-11-13", "none", arms) == "direct"


def test_a_model_of_one_arm_needs_no_effort() -> None:
    assert arm_of("o3", None, [*ARMS, Arm("thinker", "o3", "high")]) == "thinker"


@pytest.mark.parametrize(
    ("model", "effort", "kind"),
    [
        (None, "high", "no model"),
        ("", None, "no model"),
        ("gpt-5.1", None, "effort not known"),
        ("gpt-5.1", "low", "no arm for the model"),
        ("o3", "high", "no arm for the model"),
    ],
)
def test_an_arm_that_is_not_certain_is_not_guessed(model: str | None, effort: str | None, kind: str) -> None:
    with pytest.raises(Unmappable) as caught:
        arm_of(model, effort, ARMS)
    assert caught.value.kind == kind


def test_a_mapped_call_names_its_line() -> None:
    record = OutcomeRecord(arm="direct", prompt="Hi")
    assert map_row("a.jsonl", 7, {}, lambda: record) == MappedRow("a.jsonl", 7, record)


@pytest.mark.parametrize(
    "error", [KeyError("secret"), TypeError("secret"), IndexError("secret"), RecursionError("secret")]
)
def test_a_row_of_another_shape_is_refused_without_its_contents(error: Exception) -> None:
    def build() -> OutcomeRecord:
        raise error

    refused = map_row("a.jsonl", 7, {"prompt": "secret"}, build)
    assert isinstance(refused, RefusedRow)
    assert (refused.kind, refused.line, refused.row) == ("unexpected shape", 7, {"prompt": "secret"})
    assert type(error).__name__ in refused.reason
    assert "secret" not in refused.reason


def test_other_errors_are_not_hidden() -> None:
    def build() -> OutcomeRecord:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        map_row("a.jsonl", 7, {}, build)


@pytest.mark.parametrize(
    ("value", "found"), [('{"a": 1}', {"a": 1}), ({"a": 1}, {"a": 1}), ("{", {}), ("[1]", {}), (None, {}), (7, {})]
)
def test_objects_may_be_json_text(value: object, found: dict[str, Any]) -> None:
    assert json_object(value) == found


def test_zero_and_false_are_known_values() -> None:
    assert first_known(None, "", 0, 1) == 0
    assert first_known(None, False) is False
    assert first_known(None, "") is None
