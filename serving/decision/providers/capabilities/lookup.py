"""Look-up of a model's capability, remembered per name: decisions and rewrites ask for the same few models."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from serving.decision.providers.capabilities.capability import Capability
from serving.decision.providers.capabilities.overrides import read_overrides
from serving.decision.providers.capabilities.registry import CapabilityRegistry, load_registry

_operator_file: list[Path] = []
"""The operator's overrides, if any: set once, before a process answers requests."""


@lru_cache(maxsize=1)
def _registry() -> CapabilityRegistry:
    registry = load_registry()
    if not _operator_file:
        return registry
    overrides = read_overrides(_operator_file[0])
    digest = hashlib.sha256(repr(overrides).encode()).hexdigest()[:8]
    return replace(registry, version=f"{registry.version}+{digest}", operator=overrides)


def use_capabilities(path: Path | None) -> str:
    """Apply an operator's overrides from now on in this process; None for none.

    Returns
    -------
    str
        The version of registry and overrides together.

    Raises
    ------
    BadCapabilities
        The file is invalid; what was in force stays so.
    """
    if path is not None:
        read_overrides(path)
    _operator_file[:] = [] if path is None else [path]
    _registry.cache_clear()
    find_capability.cache_clear()
    return capabilities_version()


def capabilities_version() -> str:
    """Give the registry's date and digest, e.g. `capabilities-2026.11.27:1f3a9c2b`; `+` and a digest with overrides."""
    return _registry().version


@lru_cache(maxsize=4096)
def find_capability(model: str, host: str = "", endpoint: str = "") -> Capability:
    """Look up a model's capability; provider prefixes such as `openai/` or `bedrock/anthropic.` do not matter.

    Parameters
    ----------
    model
        As a body, an arm or a log names it.
    host
        Who serves it; empty: as the name's prefix says, else its maker, else somebody's own server for open weights.
    endpoint
        Endpoint format (`chat`, `responses`, `messages`, `gemini`, `converse`); empty: what holds at all of them.

    Examples
    --------
    >>> find_capability("openai/gpt-5.1").efforts
    ('none', 'low', 'medium', 'high')
    >>> find_capability("claude-sonnet-4-5-20250929").switch
    'anthropic_budget'
    >>> find_capability("gpt-4o").switch
    'fixed'
    """
    return _registry().find(model, host, endpoint)
