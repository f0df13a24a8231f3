"""The frame built from batches: types, unknown columns and fingerprints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.history_files import FORMATS, records, write
from training.records.frame_builder import Fingerprint, FrameBuilder, KeptRows
from training.records.history import read
from training.records.readers.rows import Column, ReadLimits
from training.records.schema import IDS, KNOWN, LABELS, NUMBERS
from training.records.text_pool import TextPool, conversation


@pytest.mark.parametrize("kind", FORMATS)
def test_unknown_columns_are_carried_along(tmp_path: Path, kind: str) -> None:
    rows = [{**row, "difficulty": "easy", "depth": i} for i, row in enumerate(records(4))]
    rows[1] = {**rows[1], "success": 9.0}
    frame = read(write(tmp_path / f"history.{kind}", rows), limits=ReadLimits(batch_rows=2)).frame
    assert frame["difficulty"].tolist() == ["easy"] * 3
    assert [int(value) for value in frame["depth"]] == [0, 2, 3]
    assert "depth" not in read(tmp_path / f"history.{kind}", carry=False).frame


def test_unknown_columns_of_clashing_types_become_numbers_or_text(tmp_path: Path) -> None:
    extras: list[object] = [1, 2.5, None, None]
    mixed: list[object] = ["a", {"b": [1]}, 3, None]
    rows = [{**row, "n": n, "m": m} for row, n, m in zip(records(4), extras, mixed, strict=True)]
    frame = read(write(tmp_path / "history.jsonl", rows), limits=ReadLimits(batch_rows=1)).frame
    assert frame["n"].fillna(-1).tolist() == [1.0, 2.5, -1.0, -1.0]
    assert frame["m"].fillna("").tolist() == ["a", '{"b": [1]}', "3", ""]


def kept(prompts: list[str], builder: FrameBuilder, *, named: bool = True, **extras: Column) -> KeptRows:
    """Rows of one arm with the given prompts."""
    n = len(prompts)
    codes = []
    for text in prompts:
        key = TextPool.key(text)
        found = builder.prompts.find(key) or builder.prompts.add(key, text, conversation(text, None))
        codes.append(found.code)
    return KeptRows(
        numbers={name: np.full(n, np.nan) for name in (*NUMBERS, "timestamp")},
        labels={name: ["direct" if name == "arm" else None] * n for name in LABELS},
        ids={name: [f"{name}-{text}" for text in prompts] for name in IDS},
        prompt=np.array(codes, np.int32),
        messages=np.full(n, -1, np.int32),
        has_request_id=np.full(n, named),
        extras=extras,
    )


def built(*batches: list[str], named: bool = True) -> tuple[FrameBuilder, pd.DataFrame]:
    builder = FrameBuilder()
    for prompts in batches:
        builder.add(kept(prompts, builder, named=named))
    return builder, builder.frame()


def test_batches_are_concatenated_in_order() -> None:
    _, frame = built(["a", "b"], ["a"])
    assert frame["prompt"].tolist() == ["a", "b", "a"]
    assert len(frame["prompt"].cat.categories) == 2
    assert frame["arm"].tolist() == ["direct"] * 3
    assert list(frame.columns) == list(KNOWN)


def test_an_empty_frame_has_the_columns_and_types_of_a_full_one() -> None:
    empty, full = FrameBuilder().frame(), built(["a"])[1]
    assert list(empty.columns) == list(full.columns)
    assert len(empty) == 0
    assert [str(kind) for kind in empty.dtypes] == [str(kind) for kind in full.dtypes]


def test_a_batch_without_an_extra_column_gets_missing_values() -> None:
    builder = FrameBuilder()
    builder.add(kept(["a"], builder, depth=[1]))
    builder.add(kept(["b"], builder))
    builder.add(kept(["c"], builder, depth=["deep"]))
    assert builder.frame()["depth"].fillna("-").tolist() == ["1", "-", "deep"]


def test_row_hashes_ignore_the_batches_and_made_up_request_ids() -> None:
    one, whole = built(["a", "b", "c"])
    two, parts = built(["a"], ["b", "c"])
    np.testing.assert_array_equal(one.row_hashes(whole), two.row_hashes(parts))
    unnamed, frame = built(["a", "b", "c"], named=False)
    assert not unnamed.has_request_id().any()
    assert (unnamed.row_hashes(frame) != one.row_hashes(whole)).all()


def test_fingerprints_of_parts_add_up_whatever_the_order() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**64, 1000, np.uint64)
    whole = Fingerprint.of(hashes)
    assert Fingerprint.of(hashes[::-1]).digest == whole.digest
    assert Fingerprint.of(hashes[:300]) + Fingerprint.of(hashes[300:]) == whole
    assert Fingerprint.of(hashes[1:]).digest != whole.digest
    assert Fingerprint.of(np.append(hashes, hashes[:1])).digest != whole.digest


def test_prompt_hashes_are_equal_for_equal_prompts() -> None:
    builder, frame = built(["Caf\u00e9", "Tea", "Cafe\u0301"])
    first, other, again = builder.prompt_hashes(frame).tolist()
    assert first == again != other
