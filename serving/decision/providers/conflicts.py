"""Finds what a client set that its provider refuses beside reasoning: switching it on would break the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.json_patch import Json
from serving.decision.types import Effort


@dataclass(frozen=True, slots=True)
class Conflict:
    """One setting that stands in the way.

    Parameters
    ----------
    key
        In the body.
    sampling
        It only tunes how tokens are drawn: an operator may let it go.
    """

    key: str
    sampling: bool = True


def conflicts(body: Mapping[str, Json], known: Capability, effort: Effort) -> tuple[Conflict, ...]:
    """List what the model refuses together with this effort.

    Examples
    --------
    >>> from serving.decision.providers.capabilities import capability
    >>> conflicts({"temperature": 0.2}, capability("gpt-5.1"), "high")
    (Conflict(key='temperature', sampling=True),)
    >>> conflicts({"temperature": 0.2}, capability("gpt-5.1"), "none")
    ()
    """
    if effort == "none":
        return ()
    if known.switch == "openai_effort":
        return tuple(Conflict(key) for key, neutral in _OPENAI if body.get(key) is not None and body[key] != neutral)
    if known.switch in ("anthropic_budget", "anthropic_adaptive"):
        return _anthropic(body)
    return ()


_OPENAI: tuple[tuple[str, Json], ...] = (
    ("temperature", 1),
    ("top_p", 1),
    ("presence_penalty", 0),
    ("frequency_penalty", 0),
    ("logit_bias", {}),
    ("logprobs", False),
    ("top_logprobs", 0),
)
_LEAST_TOP_P = 0.95


def _anthropic(body: Mapping[str, Json]) -> tuple[Conflict, ...]:
    found = []
    if body.get("temperature") not in (None, 1):
        found.append(Conflict("temperature"))
    if body.get("top_k") is not None:
        found.append(Conflict("top_k"))
    share = body.get("top_p")
    if share is not None and not (isinstance(share, int | float) and share >= _LEAST_TOP_P):
        found.append(Conflict("top_p"))
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("any", "tool"):
        found.append(Conflict("tool_choice", sampling=False))
    turns = body.get("messages")
    last = turns[-1] if isinstance(turns, list) and turns else None
    if isinstance(last, dict) and last.get("role") == "assistant":
        found.append(Conflict("messages", sampling=False))
    return tuple(found)
