"""Fetches a source from the web, checks it against the checksum that the caller pinned, and unpacks it."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import httpx

from serving.decision.errors import BadInput
from training.progress import Progress, silent


class DownloadRefused(BadInput):
    """What was fetched is not what the caller asked for; nothing of it is kept."""


def fetch(url: str, sha256: str | None, folder: Path, progress: Progress = silent) -> Path:
    """Fetch a file, or a .tar.gz or .zip whose folder is then given.

    Parameters
    ----------
    sha256
        64 hex digits that the caller vouches for. thinkgate pins none itself: archives of a moving branch change.
    folder
        Where it is kept; a file that is there with this checksum is not fetched again.

    Raises
    ------
    DownloadRefused
        If no checksum is given, it differs, or the archive reaches outside its folder.
    """
    name = PurePosixPath(urlsplit(url).path).name or "download"
    if sha256 is None:
        raise DownloadRefused(
            f"{url}: pin what you expect with --sha256; get it from whom you trust, or: curl -sL {url} | sha256sum"
        )
    wanted = sha256.strip().lower()
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise DownloadRefused("--sha256 takes 64 hex digits")
    folder = folder / wanted[:16]
    file = folder / name
    if not file.exists() or _digest(file) != wanted:
        _download(url, file, wanted, progress)
    return _unpacked(file)


def _download(url: str, file: Path, wanted: str, progress: Progress) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.part")
    digest = hashlib.sha256()
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=60) as reply, draft.open("wb") as target:
            reply.raise_for_status()
            size, done = int(reply.headers.get("content-length", 0)), 0
            for chunk in reply.iter_bytes():
                target.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                progress("downloading", done, size)
        if digest.hexdigest() != wanted:
            raise DownloadRefused(
                f"{url}: its sha256 is {digest.hexdigest()}, not the pinned {wanted}; nothing is kept."
                " It changed, or was tampered with: find out which before you pin it anew"
            )
        draft.replace(file)
    except httpx.HTTPError as error:
        raise DownloadRefused(f"{url}: {error or type(error).__name__}; fetch it by hand and give the file") from error
    finally:
        draft.unlink(missing_ok=True)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unpacked(file: Path) -> Path:
    if not file.name.endswith((".tar.gz", ".tgz", ".zip")):
        return file
    folder = file.parent / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        if file.name.endswith(".zip"):
            with zipfile.ZipFile(file) as packed:
                packed.extractall(folder)  # noqa: S202 - zipfile itself drops drives and ..
        else:
            with tarfile.open(file) as archive:
                archive.extractall(folder, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DownloadRefused(f"{file.name}: not unpacked ({error}): is it the archive that you meant?") from error
    return folder
