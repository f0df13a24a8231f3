"""Outcome records reject what the reader would quarantine, and cells of other tools are parsed or refused."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from training.records.history import read
from training.records.outcome_record import OutcomeRecord, Unmappable, chat_text, instant, label, number
from training.records.writer import open_writer


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"arm": ""}, "no arm"),
        ({"prompt": None}, "no prompt"),
        ({"prompt": "  \n"}, "no prompt"),
        ({"messages": "[]", "prompt": None}, "no prompt"),
        ({"success": 1.01}, "success out of range"),
        ({"success": -0.1}, "success out of range"),
        ({"success": math.nan}, "success out of range"),
        ({"propensity": 0.0}, "propensity out of range"),
        ({"propensity": 1.5}, "propensity out of range"),
        ({"cost_usd": -1.0}, "cost_usd out of range"),
        ({"latency_ms": math.inf}, "latency_ms out of range"),
        ({"timestamp": -1.0}, "timestamp out of range"),
        ({"timestamp": 1e12}, "timestamp out of range"),
        ({"reasoning_tokens": 8.0, "output_tokens": 7.0}, "tokens contradict"),
        ({"cached_input_tokens": 8.0, "input_tokens": 7.0}, "tokens contradict"),
    ],
)
def test_an_invalid_record_is_rejected(fields: dict[str, Any], kind: str) -> None:
    with pytest.raises(Unmappable) as caught:
        OutcomeRecord(**({"arm": "direct", "prompt": "the secret question"} | fields))
    assert caught.value.kind == kind
    assert "secret" not in caught.value.reason


def test_the_row_holds_known_columns_and_extras_only() -> None:
    record = OutcomeRecord(
        arm="direct", prompt="Hi", success=0.0, timestamp=0.0, extras={"run": 2, "note": None, "arm": "other"}
    )
    assert record.row() == {
        "prompt": "Hi", "arm": "direct", "success": 0.0, "timestamp": "1970-01-01T00:00:00+00:00", "run": 2,
    }  # fmt: skip


def test_a_valid_record_is_read_back_without_loss(tmp_path: Path) -> None:
    record = OutcomeRecord(
        request_id="r1", arm="direct", messages='[{"role":"user","content":"Hi"}]', success=1.0, propensity=0.25,
        output_tokens=7.0, reasoning_tokens=7.0, timestamp=1_700_000_000.25, task="sums",
    )  # fmt: skip
    with open_writer(tmp_path / "out.jsonl") as writer:
        writer.write(record)
    history = read(tmp_path / "out.jsonl")
    assert history.counts.quarantined == {}
    row = history.frame.iloc[0]
    assert (row["request_id"], row["propensity"], row["reasoning_tokens"]) == ("r1", 0.25, 7.0)
    assert row["timestamp"] == pytest.approx(1_700_000_000.25, abs=1e-6)


@pytest.mark.parametrize("messages", [None, "", "{}", "[]", [], {}])
def test_absent_messages_are_none(messages: object) -> None:
    assert chat_text(messages) is None


def test_messages_that_are_not_json_are_refused() -> None:
    with pytest.raises(Unmappable, match="not a list of turns"):
        chat_text("[{")


@pytest.mark.parametrize("value", ["ten", [1], {"a": 1}, "nan", math.inf, "1e999"])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(Unmappable, match="cost is"):
        number(value, "cost")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1_700_000_000, 1_700_000_000.0),
        (1_700_000_000_000, 1_700_000_000.0),
        ("1700000000000000", 1_700_000_000.0),
        (1_700_000_000_000_000_000, 1_700_000_000.0),
        ("1970-01-01T02:00:00+02:00", 0.0),
        (datetime(1970, 1, 1, 0, 0, 1), 1.0),
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0.0),
        (" ", None),
    ],
)
def test_times_are_iso_or_an_epoch_in_any_unit(value: object, seconds: float | None) -> None:
    assert instant(value) == seconds


def test_labels_are_short_texts() -> None:
    assert [label(value) for value in (" a ", 7, "", None, True, [1], {"a": 1})] == [
        "a",
        "7",
        None,
        None,
        None,
        None,
        None,
    ]
