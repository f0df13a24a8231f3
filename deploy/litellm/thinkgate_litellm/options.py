"""Options of the callback: how the thinkgate server is reached, read from the environment."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

logger = logging.getLogger("thinkgate.litellm")


@dataclass(frozen=True)
class HookOptions:
    """How thinkgate is reached.

    Parameters
    ----------
    url
        Of its HTTP API; variable THINKGATE_URL.
    api_key
        With the scopes decide and report; variable THINKGATE_API_KEY.
    timeout_ms
        Longest time that a call waits for a decision; variable THINKGATE_TIMEOUT_MS.
    models
        Only calls for these model groups are decided on; all where empty; variable THINKGATE_MODELS, comma-separated.
    """

    url: str = "http://127.0.0.1:8080"
    api_key: str | None = None
    timeout_ms: float = 50.0
    models: frozenset[str] = frozenset()


def read_options(environment: Mapping[str, str]) -> HookOptions:
    """Read the options; a timeout that is no number above 0 is reported and replaced by the default.

    Examples
    --------
    >>> read_options({"THINKGATE_MODELS": "a, b", "THINKGATE_TIMEOUT_MS": "20"}).timeout_ms
    20.0
    """
    default = HookOptions()
    names = (name.strip() for name in environment.get("THINKGATE_MODELS", "").split(","))
    return HookOptions(
        url=environment.get("THINKGATE_URL") or default.url,
        api_key=environment.get("THINKGATE_API_KEY") or None,
        timeout_ms=_timeout(environment.get("THINKGATE_TIMEOUT_MS", ""), default.timeout_ms),
        models=frozenset(name for name in names if name),
    )


def _timeout(text: str, default: float) -> float:
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if 0.0 < value < float("inf"):
        return value
    logger.error("THINKGATE_TIMEOUT_MS must be a number of milliseconds above 0: using %g", default)
    return default
