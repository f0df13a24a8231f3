"""Reloader: polls the source of bundles, proves a new one and swaps it in; a failure changes nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from serving.decision import ThinkgateError
from serving.model.prepared_model import PreparedModel
from serving.model.registry import RegistryDown
from serving.model.sources import BundleCandidate, ModelSource

logger = logging.getLogger("thinkgate.reload")

_LONGEST_PAUSE: Final = 60.0


@dataclass(frozen=True, slots=True)
class ReloadStats:
    """Counts since the start.

    Parameters
    ----------
    looks
        Times that the source was asked.
    swaps, refused
        Candidates that went live, and those that did not.
    reachable
        The source answered last time.
    """

    looks: int = 0
    swaps: int = 0
    refused: int = 0
    reachable: bool = True


class Reloader:
    """A thread that follows one source.

    Parameters
    ----------
    name
        In the log: `model` or `shadow`.
    source
        Followed.
    prove
        Opens a folder as a ground: parses, audits, constructs and proves it.
    take
        Is given each proven ground.
    seconds
        Between two looks; longer while candidates are refused.
    known
        Identity of what is live already.
    """

    def __init__(
        self,
        name: str,
        source: ModelSource,
        prove: Callable[[Path], PreparedModel],
        take: Callable[[PreparedModel], object],
        seconds: float,
        known: str = "",
    ) -> None:
        self._name, self._source = name, source
        self._prove, self._take = prove, take
        self._seconds, self._known = seconds, known
        self._refusals = 0
        self._reported = ""
        self._stats = ReloadStats()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"reload-{name}", daemon=True)

    @property
    def stats(self) -> ReloadStats:
        """Read the counters."""
        return self._stats

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop; a look that is under way ends by itself."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def look(self) -> bool:
        """Look once, in the calling thread; never raises for what it finds.

        Returns
        -------
        bool
            True where something else is live now.
        """
        self._stats = replace(self._stats, looks=self._stats.looks + 1)
        try:
            candidate = self._source.look(self._known)
        except (ThinkgateError, OSError) as error:
            self._stats = replace(self._stats, reachable=False)
            self._report(f"no news: {error}", logging.WARNING if isinstance(error, RegistryDown) else logging.ERROR)
            return False
        self._stats = replace(self._stats, reachable=True)
        if candidate is None:
            self._reported = ""
            return False
        return self._try(candidate)

    def _try(self, candidate: BundleCandidate) -> bool:
        try:
            ground = self._prove(candidate.folder)
            self._take(ground)
        except Exception as error:  # whatever a bundle does, the one that is live goes on
            self._refusals += 1
            if self._report(f"{candidate.identity[:24]} is refused, what is live stays live: {_say(error)}"):
                self._stats = replace(self._stats, refused=self._stats.refused + 1)
            self._source.refused(candidate)
            return False
        self._known, self._refusals, self._reported = candidate.identity, 0, ""
        self._stats = replace(self._stats, swaps=self._stats.swaps + 1)
        self._source.served(candidate)
        logger.info("%s: bundle %s is live (%s)", self._name, ground.model.bundle_id, candidate.identity[:24])
        return True

    def _report(self, message: str, level: int = logging.ERROR) -> bool:
        """Log what was not logged last time; tell whether it was."""
        if message == self._reported:
            return False
        self._reported = message
        logger.log(level, "%s: %s", self._name, message)
        return True

    def _run(self) -> None:
        while not self._ending.wait(
            min(self._seconds * 2 ** min(self._refusals, 10), max(_LONGEST_PAUSE, self._seconds))
        ):
            try:
                self.look()
            except Exception as error:  # the thread must outlive any surprise
                self._report(f"a look failed: {type(error).__name__}")


def _say(error: Exception) -> str:
    return str(error) if isinstance(error, ThinkgateError) else type(error).__name__
