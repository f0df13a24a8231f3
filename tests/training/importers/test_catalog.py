"""Properties of every importer: rows read are rows written plus rows in quarantine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.importer_rows import (
    CHAT,
    observation,
    payload,
    request,
    span,
    spend_log,
)
from training.importers.catalog import import_history
from training.records.history import read

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

SEEDS: dict[str, dict[str, Any]] = {
    "litellm-spend-logs": spend_log(),
    "litellm-callbacks": payload(),
    "langfuse": observation(),
    "otel": span(CHAT),
    "routerbench": {"sample_id": "s", "prompt": "p", "eval_name": "e", "m": 1.0, "m|total_cost": 0.1},
    "routerarena": {"global_index": "A_1", "question": "q", "llm_selected": "m", "evaluation_result": {"score": 1.0}},
    "csv": {"prompt": "p", "arm": "a", "success": 1, "output_tokens": 3},
}


def spoilt(seed: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The seed with some fields replaced by anything, or gone."""
    changes = st.dictionaries(st.sampled_from(sorted(seed)), JUNK, max_size=3)
    gone = st.sets(st.sampled_from(sorted(seed)), max_size=2)
    return st.builds(lambda new, less: {k: v for k, v in (seed | new).items() if k not in less}, changes, gone)


@pytest.mark.parametrize("source", sorted(SEEDS))
@settings(max_examples=25)
@given(data=st.data())
def test_rows_in_are_rows_out_and_rows_quarantined(source: str, data: st.DataObject, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("rows")
    rows = data.draw(st.lists(spoilt(SEEDS[source]), min_size=1, max_size=5))
    path = folder / "in.jsonl"
    wrapped = [request(row) for row in rows] if source == "otel" else rows
    path.write_text("".join(json.dumps(row) + "\n" for row in wrapped) + "this is no JSON\n")
    expected = len(rows) + 1
    if source == "routerbench":
        expected = sum(max(1, sum(key.endswith("|total_cost") for key in row)) for row in rows) + 1
    found = import_history(source, path, folder / "out.jsonl", folder / "bad.quarantine.jsonl")
    written = (folder / "out.jsonl").read_text().splitlines()
    refused = [json.loads(line) for line in (folder / "bad.quarantine.jsonl").read_text().splitlines()]
    assert found.read == expected == len(written) + len(refused)
    assert (found.written, sum(found.quarantined.values())) == (len(written), len(refused))
    assert all(row["line"] >= 1 and row["reason"] for row in refused)
    if written:  # what is written can be read back, every row of it
        back = read(folder / "out.jsonl")
        lost = dict(back.counts.quarantined)
        lost.pop("duplicate request_id", None)
        assert not lost


def test_a_cut_array_keeps_what_came_before(tmp_path: Path) -> None:
    whole = json.dumps([SEEDS["csv"]] * 3)
    (tmp_path / "a.json").write_text(whole[:-10])
    found = import_history("csv", tmp_path / "a.json", tmp_path / "o.jsonl", tmp_path / "q.quarantine.jsonl")
    assert (found.written, found.quarantined) == (2, {"not JSON": 1})


def test_a_failed_import_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    out.write_text("old\n")
    (tmp_path / "a.jsonl").write_bytes(b"\xff\xfe" + "x".encode("utf-16-le"))
    with pytest.raises(Exception, match="UTF-16"):
        import_history("csv", tmp_path / "a.jsonl", out, tmp_path / "q.quarantine.jsonl")
    assert out.read_text() == "old\n"
    assert not list(tmp_path.glob(".*.part"))
