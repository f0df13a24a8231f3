"""Rows: what makes two reports the same, how reports merge, and which text can be stored."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import permutations

import pytest

from serving.journal.rows import (
    DecisionRow,
    JournalEntry,
    OutcomeRow,
    from_columns,
    merge_outcomes,
    storable,
    to_columns,
)
from tests.support.journal_rows import decision

REPORT = OutcomeRow("a", 1.0, success=1.0, output_tokens=7, model="m")


def test_a_digest_names_the_report_and_not_its_time() -> None:
    assert replace(REPORT, reported_at=9.0).digest == REPORT.digest
    changes = {"decision_id": "b", "success": 0.0, "output_tokens": 8, "model": None, "retries": 0}
    assert len({replace(REPORT, **{name: value}).digest for name, value in changes.items()} | {REPORT.digest}) == 6
    assert len(REPORT.digest) == 32  # the column's width


def test_a_report_without_newer_fields_keeps_the_digest_of_earlier_versions() -> None:
    assert REPORT.digest == "f06419f8a18e5e00b0d494b75af18cf8"
    newer = {"source": "human", "applied_effort": "none", "applied_model": "none"}
    assert len({replace(REPORT, **{name: value}).digest for name, value in newer.items()} | {REPORT.digest}) == 4


def test_the_latest_report_that_names_a_field_counts_in_any_order() -> None:
    reports = [
        OutcomeRow("a", 1.0, success=0.0, latency_ms=80.0),
        OutcomeRow("a", 2.0, success=1.0),
        OutcomeRow("a", 3.0, cost_usd=0.5),
    ]
    for order in permutations(reports):
        assert merge_outcomes(order) == OutcomeRow("a", 3.0, success=1.0, cost_usd=0.5, latency_ms=80.0)
    assert merge_outcomes(iter(reports[:1])) == reports[0]


@pytest.mark.parametrize("row", [REPORT, decision("a", messages="[]", tenant="t")])
def test_columns_give_the_row_back(row: DecisionRow | OutcomeRow) -> None:
    columns = to_columns(row)
    assert set(columns) == {field.name for field in fields(row)}
    assert from_columns(type(row), {**columns, "digest": "of another version"}) == row


def test_columns_that_were_not_read_take_their_default() -> None:
    columns = to_columns(decision("a", messages="[]", replay="{}"))
    del columns["messages"], columns["replay"]
    assert from_columns(DecisionRow, columns) == decision("a")


@pytest.mark.parametrize(
    ("text", "stored"),
    [("plain", "plain"), ("¿qué? 你好 😀", "¿qué? 你好 😀"), ("a\x00b", "a\ufffdb"), ("\ud83d", "\ufffd"), ("", "")],
)
def test_text_becomes_storable(text: str, stored: str) -> None:
    assert storable(text) == stored
    assert stored.encode("utf-8").decode("utf-8") == stored


def test_an_entry_may_lack_an_outcome() -> None:
    assert JournalEntry(decision("a"), None) != JournalEntry(decision("a"), OutcomeRow("a", 1.0))
