"""Storage: finds Parquet files, local or in object storage, and splits them into pieces of whole row groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from training.backends.dask.errors import NotOnACluster
from training.errors import HistoryMissing, HistoryUnreadable

ENDINGS: Final = (".parquet", ".pq")
PIECE_BYTES: Final = 128 * 2**20
"""Row groups are read together up to this size in memory."""
PACKAGES: Final = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive row groups of one file.

    Parameters
    ----------
    file
        Index of the file among all files.
    url
        With its protocol, so that every worker resolves it alike.
    groups
        Row groups, neighbours.
    first
        Number of the first row in the file, from 0.
    rows
        How many.
    size
        Bytes in memory, as the file's footer says.
    """

    file: int
    url: str
    groups: tuple[int, ...]
    first: int
    rows: int
    size: int

    @property
    def name(self) -> str:
        """Path for messages."""
        return display_path(self.url)


def display_path(url: str) -> str:
    """Give a path for messages: a local one without its protocol.

    >>> display_path("file:///data/a.parquet"), display_path("s3://bucket/a.parquet")
    ('/data/a.parquet', 's3://bucket/a.parquet')
    """
    return url.removeprefix("file://")


def find_parquet(paths: Sequence[str]) -> tuple[str, ...]:
    """List the Parquet files of paths, each once and sorted within a path.

    Parameters
    ----------
    paths
        Files, folders (searched to the bottom) and globs; local paths, or any URL that fsspec knows (`s3://...`).

    Raises
    ------
    HistoryMissing
        A path matches no Parquet file.
    NotOnACluster
        A named file is not Parquet, or the package for the protocol is missing.
    """
    found: dict[str, None] = {}
    for path in paths:
        system, inside = _system(path)
        if system.isdir(inside):
            names = [name for name in sorted(system.find(inside)) if _is_parquet(name, inside)]
            if not names:
                raise HistoryMissing(f"{path}: no Parquet files in this folder; --engine dask reads no other format")
        elif system.exists(inside):
            names = [inside]
        else:
            names = sorted(system.glob(inside))
        if not names:
            raise HistoryMissing(f"{path}: no such file, folder or glob of Parquet files")
        if other := [name for name in names if not name.endswith(ENDINGS)]:
            raise NotOnACluster(
                f"{other[0]} is no Parquet file: --engine dask reads nothing else; write it as Parquet "
                "(thinkgate import csv, or pandas), or leave --engine out"
            )
        found.update(dict.fromkeys(system.unstrip_protocol(name) for name in names))
    return tuple(found)


def open_file(url: str) -> BinaryIO:
    """Open a local or remote file for reading."""
    return cast(BinaryIO, fsspec.open(url, "rb").open())


def row_group_pieces(file: int, url: str) -> tuple[Piece, ...]:
    """Split a file into pieces by its footer.

    Raises
    ------
    HistoryUnreadable
        If it is not readable as Parquet.
    """
    try:
        with open_file(url) as stream, pq.ParquetFile(stream) as parquet:
            groups = [parquet.metadata.row_group(group) for group in range(parquet.metadata.num_row_groups)]
            sizes = [(int(group.num_rows), int(group.total_byte_size)) for group in groups]
    except (pa.ArrowException, OSError) as error:
        raise HistoryUnreadable(
            f"{display_path(url)}: not readable as Parquet ({str(error).splitlines()[0]})"
        ) from error
    found: list[Piece] = []
    first = 0
    for group, (rows, size) in enumerate(sizes):
        last = found[-1] if found else None
        if last is not None and last.size + size <= PIECE_BYTES:
            found[-1] = Piece(file, url, (*last.groups, group), last.first, last.rows + rows, last.size + size)
        else:
            found.append(Piece(file, url, (group,), first, rows, size))
        first += rows
    return tuple(found)


def _system(path: str) -> tuple[Any, str]:
    protocol = path.partition("://")[0] if "://" in path else "file"
    try:
        system, inside = fsspec.core.url_to_fs(path)
    except ImportError as error:
        package = PACKAGES.get(protocol, "its fsspec package")
        raise NotOnACluster(
            f"{protocol}:// needs {package}, which is not installed: pip install {package}, here and on every worker"
        ) from error
    except ValueError as error:
        raise NotOnACluster(
            f"{path}: fsspec knows no protocol {protocol}://; use a local path, s3://, gs:// or abfs://"
        ) from error
    return system, str(inside)


def _is_parquet(name: str, folder: str) -> bool:
    inside = PurePosixPath(name.removeprefix(folder))
    return name.endswith(ENDINGS) and not any(part.startswith((".", "_")) for part in inside.parts)
