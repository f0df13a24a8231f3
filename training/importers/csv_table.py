"""Imports any table (CSV, JSONL, Parquet) by a column mapping, `--column theirs=ours`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from training.importers.base import Call, ImportOptions, RefusedRow, arm_of, map_row
from training.importers.streams import rows_of
from training.records import COLUMNS, NUMBERS, OutcomeRecord, Unmappable, chat_text, instant, label, number


def csv_table(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import a table; columns that already have the record's names need no mapping, unknown ones become extras."""
    ours = {theirs: name for name, theirs in (options.columns or {}).items()}
    for source_row in rows_of(path):
        if isinstance(source_row, RefusedRow):
            yield source_row
            continue
        row = source_row.row
        yield map_row(source_row.source, source_row.line, row, partial(_outcome, row, ours, options))


def _outcome(row: Mapping[str, Any], ours: Mapping[str, str], options: ImportOptions) -> OutcomeRecord:
    named: dict[str, Any] = {}
    for theirs, value in row.items():
        name = ours.get(theirs, theirs)
        if name in named and theirs not in ours:
            continue  # a mapped column wins over one that has the name already
        named[name] = value
    texts = {
        name: label(named.get(name)) for name in COLUMNS if name not in (*NUMBERS, "prompt", "messages", "timestamp")
    }
    numbers = {name: number(named.get(name), name) for name in NUMBERS}
    prompt = named.get("prompt")
    if prompt is not None and not isinstance(prompt, str):
        raise Unmappable("prompt is not text", "the prompt is not text: map the column that holds the text")
    texts["arm"] = texts["arm"] or arm_of(texts["model"], None, options.arms)
    return OutcomeRecord(
        prompt=prompt,
        messages=chat_text(named.get("messages")),
        timestamp=instant(named.get("timestamp")),
        extras={name: value for name, value in named.items() if name not in COLUMNS},
        **texts,  # type: ignore[arg-type] # by name
        **numbers,  # type: ignore[arg-type] # by name
    )
