"""Downloads from a local server: kept only with the pinned checksum, and unpacked inside their folder."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from training.importers.download import DownloadRefused, fetch


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def packed(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"{}\n"))
    return buffer.getvalue()


def test_right_checksum_is_kept_and_not_fetched_again(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    content = packed("easy/rows.jsonl")
    (folder / "a.tar.gz").write_bytes(content)
    wanted = hashlib.sha256(content).hexdigest()
    got = fetch(f"{url}/a.tar.gz", wanted, tmp_path / "kept")
    assert (got / "easy" / "rows.jsonl").read_text() == "{}\n"
    (folder / "a.tar.gz").unlink()
    assert fetch(f"{url}/a.tar.gz", wanted, tmp_path / "kept") == got


def test_wrong_or_no_checksum_is_refused_and_nothing_is_kept(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    (folder / "a.jsonl").write_text("{}\n")
    with pytest.raises(DownloadRefused, match="nothing is kept"):
        fetch(f"{url}/a.jsonl", "0" * 64, tmp_path / "kept")
    with pytest.raises(DownloadRefused, match="pin what you expect"):
        fetch(f"{url}/a.jsonl", None, tmp_path / "kept")
    with pytest.raises(DownloadRefused, match="64 hex digits"):
        fetch(f"{url}/a.jsonl", "abc", tmp_path / "kept")
    with pytest.raises(DownloadRefused, match="404"):
        fetch(f"{url}/none.jsonl", "0" * 64, tmp_path / "kept")
    assert not [file for file in (tmp_path / "kept").rglob("*") if file.is_file()]


def test_an_archive_that_reaches_outside_is_refused(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    content = packed("../../../escaped.jsonl")
    (folder / "a.tar.gz").write_bytes(content)
    with pytest.raises(DownloadRefused, match="not unpacked"):
        fetch(f"{url}/a.tar.gz", hashlib.sha256(content).hexdigest(), tmp_path / "kept")
    assert not list(tmp_path.rglob("escaped.jsonl"))
