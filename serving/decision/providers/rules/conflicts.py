"""Conflicts: client settings that a provider refuses beside an effort, or on the model that a call is moved to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from serving.decision.providers.json_patch import Json
from serving.decision.providers.rules.not_applied import ConflictKey
from serving.decision.providers.rules.other_settings import refused_beside_effort, refused_on_move
from serving.decision.providers.rules.sampling import refused_sampling
from serving.decision.providers.rules.settings_view import view_settings
from serving.decision.providers.rules.target import Target
from serving.decision.providers.rules.tool_settings import refuses_forced_tool, refuses_tools

_DROPPABLE: Final = frozenset(
    {"temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs"}
)
"""Sampling settings, which an operator may allow to be dropped."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """One client setting that the provider would refuse.

    Parameters
    ----------
    key
        Key in the body; `messages` for a begun answer.
    sampling
        A sampling setting, which an operator may allow to be dropped.
    """

    key: ConflictKey
    sampling: bool = True


def find_conflicts(body: Mapping[str, Json], target: Target) -> tuple[Conflict, ...]:
    """List the settings of a body that the target refuses, tools first.

    Examples
    --------
    >>> from serving.decision.providers.capabilities import find_capability
    >>> find_conflicts({"temperature": 0.2}, Target(find_capability("gpt-5.1"), "gpt-5.1", "chat", "high"))
    (Conflict(key='temperature', sampling=True),)
    >>> find_conflicts({"temperature": 0.2}, Target(find_capability("gpt-5.1"), "gpt-5.1", "chat", "none"))
    ()
    """
    settings = view_settings(body, target.api)
    droppable = _DROPPABLE if settings is body else frozenset()
    found: dict[ConflictKey, None] = {}
    if refuses_tools(body, target):
        found["tools"] = None
    if refuses_forced_tool(settings, target):
        found["tool_choice"] = None
    found |= dict.fromkeys(refused_sampling(settings, target))
    found |= dict.fromkeys(refused_beside_effort(body, target))
    if target.moves:
        found |= dict.fromkeys(refused_on_move(body, target))
    return tuple(Conflict(key, key in droppable) for key in found)
