"""The record reader on anything: every row is kept or in quarantine, and nothing leaves the error tree."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.decision.errors import ThinkgateError
from tests.support.history_files import GOOD, quarantined, write
from training.records.history import read
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
