"""Quarantine: every row of any file is kept or in it, and only errors of the tree are raised."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.decision.errors import ThinkgateError
from tests.support.history_files import GOOD, quarantined, write
from training.errors import BadHistory
from training.records.history import read
from training.records.quarantine import Quarantine, QuarantinedExample
from training.records.readers.rows import ReadLimits

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["direct", "reasoning", "1", "nan", "2026-01-02", "\ud800", "[]", '[{"role": "user"}]']),
)

CELLS = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))

NAMES = st.sampled_from(["request_id", "prompt_id", "messages", "propensity", "output_tokens", "timestamp", "extra"])

ROWS = st.lists(
    st.tuples(st.fixed_dictionaries({"prompt": CELLS, "arm": CELLS, "success": CELLS}), st.dictionaries(NAMES, CELLS)),
    min_size=1,
    max_size=6,
).map(lambda pairs: [{**core, **more} for core, more in pairs])

FAST = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def account(path: Path, rows: int | None = None) -> None:
    """Every row in is a row kept or a line of the quarantine, and only kept rows are in the frame."""
    with tempfile.TemporaryDirectory() as folder:
        history = read(path, quarantine=Path(folder) / "bad.quarantine.jsonl", limits=ReadLimits(batch_rows=4))
        bad = quarantined(history)
    counts = history.counts
    assert counts.read == counts.kept + sum(counts.quarantined.values())
    assert len(bad) == sum(counts.quarantined.values())
    assert len(history.frame) == counts.kept == sum(counts.per_arm.values())
    assert rows is None or counts.read == rows
    known = history.frame["success"].dropna()
    assert known.between(0, 1).all()
    assert (history.frame["prompt"].notna() | history.frame["messages"].notna()).all()


@FAST
@given(ROWS)
def test_jsonl_rows_are_all_accounted_for(rows: list[dict[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        account(path, len(rows))


@FAST
@given(ROWS)
def test_csv_rows_are_all_accounted_for(rows: list[dict[str, object]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.csv"
        path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
        account(path, len(rows))


@FAST
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "prompt": st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=8)),
                "arm": st.sampled_from([None, "", "direct", "reasoning"]),
                "success": st.one_of(st.none(), st.floats()),
                "timestamp": st.one_of(st.none(), st.datetimes()),
                "output_tokens": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
                "messages": st.one_of(
                    st.none(), st.lists(st.fixed_dictionaries({"role": st.just("user")}), max_size=2)
                ),
            }
        ),
        min_size=1,
        max_size=6,
    )
)
def test_parquet_rows_are_all_accounted_for(rows: list[dict[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "history.parquet", rows)
        account(path, len(rows))


@FAST
@given(st.sampled_from(["a.jsonl", "a.csv", "a.parquet", "a.jsonl.gz"]), st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes_never_escape_the_error_tree(name: str, content: bytes, headed: bool) -> None:
    heads = {"a.csv": b"prompt,arm,success\n", "a.jsonl": json.dumps(GOOD).encode() + b"\n"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(heads.get(name, b"") * headed + content)
        try:
            account(path)
        except ThinkgateError as error:
            assert name in str(error)  # noqa: PT017 - most bytes raise nothing


def test_each_rejected_row_is_one_line_of_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "made" / "bad.quarantine.jsonl"
    with Quarantine(path) as quarantine:
        row = {"a": float("nan"), "b": b"caf\xe9", "c": "x\u2028y\x85z", "d": [float("inf"), {1: None}], "e": None}
        quarantine.add(QuarantinedExample("in.jsonl", 7, "kind", "reason"), row)
        quarantine.add(QuarantinedExample("in.jsonl", 8, "kind", "reason"), "cut \ud800 off")
    first, second = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    assert first == {
        "source": "in.jsonl", "line": 7, "kind": "kind", "reason": "reason",
        "row": {"a": "nan", "b": "caf\\xe9", "c": "x\u2028y\x85z", "d": ["inf", {}]},
    }  # fmt: skip
    assert (second["line"], second["row"]) == (8, "cut \ud800 off")


def test_without_a_file_rows_are_counted_and_the_first_kept_as_examples() -> None:
    with Quarantine(None) as quarantine:
        for line in range(100):
            quarantine.add(QuarantinedExample("in.csv", line, ("odd", "even")[line % 2 == 0], "reason"), {})
    assert quarantine.counts == {"odd": 50, "even": 50}
    assert [example.line for example in quarantine.examples] == list(range(20))


def test_a_quarantine_that_cannot_be_written_names_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(BadHistory, match="choose a path that can be written"),
        Quarantine(tmp_path / "file" / "bad.jsonl"),
    ):
        pass
