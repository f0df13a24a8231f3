"""Parquet is found here and in object storage, and cut into pieces that together are the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from tests.training.backends.dask.conftest import records, scattered
from training.backends.dask import storage
from training.backends.dask.errors import NotOnACluster
from training.backends.dask.partition_reader import validate
from training.backends.dask.storage import find_parquet, row_group_pieces
from training.errors import HistoryMissing, HistoryUnreadable


@pytest.fixture
def bucket() -> Iterator[str]:
    """Object storage that lives in this process; it has no folders of its own, like the real ones."""
    system = fsspec.filesystem("memory")
    frame = records(30)
    for k in range(2):
        with system.open(f"/bucket/day={k}/rows.parquet", "wb") as file:
            frame.iloc[k::2].to_parquet(file)
    with system.open("/bucket/_temporary/half.parquet", "wb") as file:
        file.write(b"half")
    yield "memory://bucket"
    system.rm("/bucket", recursive=True)


def test_files_folders_and_globs_are_found_in_object_storage(bucket: str) -> None:
    both = ("memory:///bucket/day=0/rows.parquet", "memory:///bucket/day=1/rows.parquet")
    assert find_parquet([bucket]) == both
    assert find_parquet([f"{bucket}/day=*/rows.parquet", bucket]) == both
    assert find_parquet([f"{bucket}/day=1/rows.parquet"]) == both[1:]
    (piece,) = row_group_pieces(0, both[1])
    assert piece.rows == 30
    found = validate(piece, None)
    assert (len(found.frame), found.tally.read) == (30, 30)
    assert found.frame["place"].tolist() == list(range(1, 31))


def test_local_files_are_the_same_by_path_and_by_url(tmp_path: Path) -> None:
    folder = scattered(records(10), tmp_path / "data")
    assert find_parquet([str(folder)]) == find_parquet([f"file://{folder}"]) == find_parquet([f"{folder}/*.parquet"])
    with pytest.raises(HistoryMissing, match="no such file"):
        find_parquet([str(tmp_path / "nowhere.parquet")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(HistoryMissing, match="no Parquet files in this folder"):
        find_parquet([str(tmp_path / "empty")])


def test_pieces_are_runs_of_row_groups_that_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    frame = records(50)
    frame.to_parquet(path, row_group_size=20)
    assert [piece.rows for piece in row_group_pieces(0, str(path))] == [100]
    monkeypatch.setattr(storage, "PIECE_BYTES", row_group_pieces(0, str(path))[0].size // 2)
    cut = row_group_pieces(3, str(path))
    assert [group for piece in cut for group in piece.groups] == list(range(5))
    assert len(cut) > 1
    read = pd.concat([validate(piece, None).frame for piece in cut], ignore_index=True)
    assert read["request_id"].tolist() == frame["request_id"].tolist()
    assert (read["place"] - 3 * (1 << 40)).tolist() == list(range(1, 101))


def test_what_is_no_parquet_is_refused_by_name_and_by_content(tmp_path: Path) -> None:
    text = tmp_path / "a.jsonl"
    text.write_text("{}\n")
    with pytest.raises(NotOnACluster, match=r"a\.jsonl is no Parquet file.*write it as Parquet"):
        find_parquet([str(text)])
    liar = tmp_path / "b.parquet"
    liar.write_text("not parquet at all")
    with pytest.raises(HistoryUnreadable, match=r"b\.parquet: not readable as Parquet"):
        row_group_pieces(0, str(liar))


def test_a_place_whose_package_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.register_implementation("faraway", "a_package_that_is_nowhere.Files", clobber=True)
    monkeypatch.setattr(storage, "PACKAGES", {"faraway": "farawayfs"})
    with pytest.raises(
        NotOnACluster, match=r"faraway:// needs farawayfs.*pip install farawayfs, here and on every worker"
    ):
        find_parquet(["faraway://bucket/rows.parquet"])
    with pytest.raises(NotOnACluster, match="fsspec knows no protocol nothing9://"):
        find_parquet(["nothing9://bucket/rows.parquet"])
