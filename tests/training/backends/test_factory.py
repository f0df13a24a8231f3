"""The factory: the backend that is named, and Dask only when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from training.backends.base import BackendSettings
from training.backends.dask.errors import SchedulerUnreachable
from training.backends.factory import open_backend
from training.backends.local import LocalBackend

NO_DASK = """
import sys
from training.backends.base import BackendSettings
from training.backends.factory import open_backend
with open_backend(BackendSettings()):
    pass
sys.exit(any(name.partition(".")[0] in ("dask", "distributed") for name in sys.modules))
"""


def test_the_default_is_this_machine() -> None:
    with open_backend(BackendSettings()) as backend:
        assert isinstance(backend, LocalBackend)


def test_the_local_backend_does_not_import_dask() -> None:
    assert subprocess.run([sys.executable, "-c", NO_DASK], check=False).returncode == 0


def test_dask_is_opened_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.backends.dask.client.CONNECT_TIMEOUT_S", 0.3)
    with pytest.raises(SchedulerUnreachable), open_backend(BackendSettings("dask", "tcp://127.0.0.1:9")):
        pass
