"""Conflicts: client settings that a provider rejects together with reasoning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.json_patch import Json
from serving.decision.types import Effort


@dataclass(frozen=True, slots=True)
class Conflict:
    """One client setting that the provider would reject.

    Parameters
    ----------
    key
        Key in the body.
    sampling
        A sampling parameter, which an operator may allow to be dropped.
    """

    key: str
    sampling: bool = True


def find_conflicts(body: Mapping[str, Json], capability: Capability, effort: Effort) -> tuple[Conflict, ...]:
    """List the settings of a body that the model rejects at this effort.

    Examples
    --------
    >>> from serving.decision.providers.capabilities import find_capability
    >>> find_conflicts({"temperature": 0.2}, find_capability("gpt-5.1"), "high")
    (Conflict(key='temperature', sampling=True),)
    >>> find_conflicts({"temperature": 0.2}, find_capability("gpt-5.1"), "none")
    ()
    """
    if effort == "none":
        return ()
    if capability.switch == "openai_effort":
        return tuple(Conflict(key) for key, neutral in _OPENAI_NEUTRAL if body.get(key) not in (None, neutral))
    if capability.switch in ("anthropic_budget", "anthropic_adaptive"):
        return _anthropic_conflicts(body)
    return ()


_OPENAI_NEUTRAL: tuple[tuple[str, Json], ...] = (
    ("temperature", 1),
    ("top_p", 1),
    ("presence_penalty", 0),
    ("frequency_penalty", 0),
    ("logit_bias", {}),
    ("logprobs", False),
    ("top_logprobs", 0),
)
_MIN_ANTHROPIC_TOP_P = 0.95


def _anthropic_conflicts(body: Mapping[str, Json]) -> tuple[Conflict, ...]:
    found = []
    if body.get("temperature") not in (None, 1):
        found.append(Conflict("temperature"))
    if body.get("top_k") is not None:
        found.append(Conflict("top_k"))
    top_p = body.get("top_p")
    if top_p is not None and not (isinstance(top_p, int | float) and top_p >= _MIN_ANTHROPIC_TOP_P):
        found.append(Conflict("top_p"))
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("any", "tool"):
        found.append(Conflict("tool_choice", sampling=False))
    turns = body.get("messages")
    last = turns[-1] if isinstance(turns, list) and turns else None
    if isinstance(last, dict) and last.get("role") == "assistant":
        found.append(Conflict("messages", sampling=False))
    return tuple(found)
