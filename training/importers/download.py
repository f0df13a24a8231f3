"""Downloads a source file, verifies its pinned SHA-256 checksum and unpacks archives safely.

pooch 1.9.0 was tried and not taken: under Python 3.11 its `Untar` extracts without `filter="data"`, so that an archive
can write outside its folder, and with our own unpacking, error messages and progress it would save no code.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import httpx

from serving.decision import BadInput
from training.atomic_files import replacing
from training.progress import Progress, silent


class DownloadRefused(BadInput):
    """The download failed or does not match its checksum; nothing of it is kept."""


def fetch(url: str, sha256: str | None, folder: Path, progress: Progress = silent) -> Path:
    """Download a file and return its path; a .tar.gz or .zip is unpacked and its folder returned.

    Parameters
    ----------
    sha256
        Expected checksum, 64 hex digits. thinkgate pins none itself: archives of a moving branch change.
    folder
        Cache folder; a file that is there with this checksum is not downloaded again.

    Raises
    ------
    DownloadRefused
        If no checksum is given, it differs, the download fails, or a member of the archive lies outside its folder.
    """
    name = PurePosixPath(urlsplit(url).path).name or "download"
    if sha256 is None:
        raise DownloadRefused(
            f"{url}: pin what you expect with --sha256; get it from whom you trust, or: curl -sL {url} | sha256sum"
        )
    expected = sha256.strip().lower()
    if len(expected) != 64 or set(expected) - set("0123456789abcdef"):
        raise DownloadRefused("--sha256 takes 64 hex digits")
    folder = folder / expected[:16]
    file = folder / name
    if not file.exists() or _digest(file) != expected:
        _download(url, file, expected, progress)
    return _unpacked(file)


def _download(url: str, file: Path, expected: str, progress: Progress) -> None:
    digest = hashlib.sha256()
    try:
        with replacing(file) as part:
            with httpx.stream("GET", url, follow_redirects=True, timeout=60) as response, part.open("wb") as stream:
                response.raise_for_status()
                size, done = int(response.headers.get("content-length", 0)), 0
                for chunk in response.iter_bytes():
                    stream.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    progress("downloading", done, size)
            if digest.hexdigest() != expected:
                raise DownloadRefused(
                    f"{url}: its sha256 is {digest.hexdigest()}, not the pinned {expected}; nothing is kept."
                    " It changed, or was tampered with: find out which before you pin it anew"
                )
    except httpx.HTTPError as error:
        raise DownloadRefused(f"{url}: {error or type(error).__name__}; fetch it by hand and give the file") from error


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
            with zipfile.ZipFile(file) as archive:
                archive.extractall(folder)  # noqa: S202 - zipfile itself drops drives and ..
        else:
            with tarfile.open(file) as tar:
                tar.extractall(folder, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DownloadRefused(f"{file.name}: not unpacked ({error}): is it the archive that you meant?") from error
    return folder
