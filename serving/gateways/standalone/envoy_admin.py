"""Envoy's admin interface over its Unix socket: is it ready, how many calls are open, take no new ones."""

from __future__ import annotations

import http.client
import re
import socket
from pathlib import Path
from typing import Final

_SECONDS: Final = 2.0
_ACTIVE: Final = "http.llm.downstream_rq_active"


class EnvoyAdmin:
    """Asks one Envoy; an Envoy that does not answer is neither ready nor busy.

    Parameters
    ----------
    path
        Of its Unix socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_ready(self) -> bool:
        """Whether its listener takes connections."""
        return self._ask("GET", "/ready")[0] == 200

    def open_calls(self) -> int:
        """Calls that are not answered to the end."""
        text = self._ask("GET", f"/stats?filter=^{re.escape(_ACTIVE)}$")[1]
        found = re.search(r": (\d+)", text)
        return int(found[1]) if found else 0

    def stop_listening(self) -> None:
        """Take no new connections; the open ones stay."""
        self._ask("POST", "/drain_listeners")

    def _ask(self, method: str, path: str) -> tuple[int, str]:
        connection = _UnixConnection(self._path)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("envoy", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(str(self._path))
