"""Files of a history and their rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.history_files import quarantined
from training.records.history import read


def test_parquet_times_and_nested_messages(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    frame = pd.DataFrame(
        {"messages": [chat, chat[1:]], "arm": pd.Categorical(["direct", "reasoning"]), "success": [True, False]}
    )
    frame["timestamp"] = pd.to_datetime(pd.Series(["2026-01-02", None]), utc=True)
    frame.to_parquet(tmp_path / "history.parquet")
    history = read(tmp_path / "history.parquet")
    assert history.counts.kept == 2
    assert json.loads(history.frame["messages"].iloc[0]) == chat
    assert history.end == datetime(2026, 1, 2, tzinfo=UTC)
    assert history.frame["success"].tolist() == [1.0, 0.0]


def test_parquet_text_that_is_not_utf8_is_quarantined(tmp_path: Path) -> None:
    raw = pa.array([b"fine", b"caf\xe9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"prompt": raw, "arm": ["direct"] * 2, "success": [1, 0]}), tmp_path / "history.parquet")
    history = read(tmp_path / "history.parquet", quarantine=tmp_path / "bad.quarantine.jsonl")
    assert history.counts.quarantined == {"not UTF-8": 1}
    assert "caf" in str(quarantined(history)[0]["row"])
