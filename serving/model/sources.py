"""Sources of bundles: a watched folder, or a model in a registry whose alias moves."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from serving.decision import BundleMissing
from serving.decision.bundle import MANIFEST
from serving.model.registry import ModelRegistry, RegisteredVersion, RegistryDown
from serving.model.uri import BadModelUri, ModelUri

logger = logging.getLogger("thinkgate.source")

_KEPT: Final = 4
"""Versions that the cache keeps: what is live, what was, and what may come back."""


@dataclass(frozen=True, slots=True)
class BundleCandidate:
    """A bundle that is not live yet.

    Parameters
    ----------
    identity
        Names the content, or the version: another identity is another candidate.
    folder
        Where it lies on this machine.
    """

    identity: str
    folder: Path


class ModelSource(Protocol):
    """Says what should be served."""

    def look(self, known: str) -> BundleCandidate | None:
        """Look once; blocks while files come over the network.

        Parameters
        ----------
        known
            Identity that was looked at last, empty for none: the same again is None.

        Raises
        ------
        RegistryDown, BundleMissing
            There is nothing to be had; what is live stays live.
        """
        ...

    def last(self) -> BundleCandidate | None:
        """Give what was served last, where it is still here."""
        ...

    def refused(self, candidate: BundleCandidate) -> None:
        """Take note that a candidate can't be served."""
        ...

    def served(self, candidate: BundleCandidate) -> None:
        """Take note that a candidate is live."""
        ...


class FolderSource:
    """A folder into which new bundles are copied; a new manifest is a new candidate.

    Parameters
    ----------
    folder
        Of the bundle. Write its manifest last, or move a whole folder there: half a copy is refused, and tried again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def look(self, known: str) -> BundleCandidate | None:
        """Look at the manifest."""
        try:
            identity = hashlib.sha256((self._folder / MANIFEST).read_bytes()).hexdigest()
        except OSError as error:
            raise BundleMissing(f"{self._folder}: {MANIFEST} is not there ({error.strerror})") from None
        return None if identity == known else BundleCandidate(identity, self._folder)

    def last(self) -> BundleCandidate | None:
        """Give nothing: the folder holds one bundle only."""
        return None

    def refused(self, candidate: BundleCandidate) -> None:
        """Leave the operator's folder as it is."""

    def served(self, candidate: BundleCandidate) -> None:
        """Leave the operator's folder as it is."""


class RegistrySource:
    """A model in a registry; versions are kept on disk, so that a start needs no registry that is up.

    Parameters
    ----------
    cache
        Folder of the versions that were fetched.
    """

    def __init__(self, registry: ModelRegistry, uri: ModelUri, cache: Path) -> None:
        self._registry, self._uri = registry, uri
        self._cache = cache / uri.name
        if self._cache.parent != cache or uri.name in (".", ".."):
            raise BadModelUri(f"{uri.name!r} can't be the name of a model: it is no folder of the cache")
        self._pointer = self._cache / f"at-{uri.alias or uri.version}"

    def look(self, known: str) -> BundleCandidate | None:
        """Ask the registry; where it is down and nothing is known yet, give what was served last."""
        try:
            found = self._registry.find(self._uri)
            identity = f"{found.name}/{found.version}"
            if identity == known:
                return None
            folder = self._fetched(found)
        except RegistryDown as error:
            kept = None if known else self.last()
            if kept is None:
                raise
            logger.warning("%s; starting with the version that was served last, %s", error, kept.identity)
            return kept
        return BundleCandidate(identity, folder)

    def refused(self, candidate: BundleCandidate) -> None:
        """Throw the copy away: it may have come damaged, and is fetched again."""
        if candidate.folder.parent == self._cache:
            shutil.rmtree(candidate.folder, ignore_errors=True)

    def served(self, candidate: BundleCandidate) -> None:
        """Remember the version for a start without the registry, and let old ones go."""
        self._remember(candidate.folder.name)
        versions = [folder for folder in self._cache.iterdir() if folder.is_dir() and folder.name.isdigit()]
        versions.sort(key=lambda folder: int(folder.name))
        for folder in versions[:-_KEPT]:
            if folder != candidate.folder:
                shutil.rmtree(folder, ignore_errors=True)

    def _fetched(self, found: RegisteredVersion) -> Path:
        if not (found.version.isascii() and found.version.isdecimal()):
            raise RegistryDown("the registry names a version that is no number")
        target = self._cache / found.version
        if (target / MANIFEST).exists():
            return target
        self._cache.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=self._cache, prefix="fetch-"))
        try:
            self._registry.fetch(found, fresh)
            fresh.chmod(0o755)
            # One step: another worker sees the whole version or none. Where it was faster, its copy is as good.
            with contextlib.suppress(OSError):
                fresh.rename(target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return target

    def _remember(self, version: str) -> None:
        fresh = self._pointer.with_suffix(f".{os.getpid()}")
        fresh.write_text(version, "utf-8")
        fresh.replace(self._pointer)

    def last(self) -> BundleCandidate | None:
        """Read the pointer in the cache."""
        try:
            version = self._pointer.read_text("utf-8").strip()
        except OSError:
            return None
        if not version.isdecimal():
            return None
        folder = self._cache / version
        return BundleCandidate(f"{self._uri.name}/{version}", folder) if (folder / MANIFEST).exists() else None
