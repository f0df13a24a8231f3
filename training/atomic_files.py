"""Writes files so that a reader, or a crash, never sees half of one, and keeps small state files as JSON."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder that takes the place of `path` when the block ends without an error.

    Parameters
    ----------
    path
        The file to write. Its folder is created.

    Yields
    ------
    Where to write. It is deleted if the block raises, and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    part.chmod(0o666 & ~_umask())
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write a whole file: readers see the old content or the new, never a part."""
    with replacing(path) as part:
        part.write_bytes(data.encode() if isinstance(data, str) else data)


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a small state file as JSON."""
    write_atomically(path, json.dumps(state, indent=2, sort_keys=True) + "\n")


def read_state(path: Path) -> dict[str, Any]:
    """Read what `write_state` wrote; empty where there is no file.

    Raises
    ------
    ValueError
        The file holds no JSON object; the message names the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        state = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON ({error}): delete it to start anew") from None
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds no JSON object: delete it to start anew")
    return state


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
