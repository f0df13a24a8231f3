"""In-band effort: a change of effort as a message of the conversation, which keeps the provider's prompt cache.

A changed effort at its usual place changes the prompt from its first token, so that the cached prefix is lost. Newer
models take the change as an item between the turns. It must then stand there in every later call, so a session
remembers at which turns it was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.client_preferences import read_word
from serving.decision.providers.endpoints import Api, part_type
from serving.decision.providers.json_patch import Body, Json
from serving.decision.types import Effort, EffortHistory

MOST_CHANGES: Final = 5
"""Changes that a session remembers; a further one is made at the usual place, and the cache is lost."""
BETA_HEADER: Final = "anthropic-beta"
BETA: Final = "mid-conversation-output-config-2026-07-01"
"""What Anthropic's endpoint wants in its header for a call with such messages."""
_TURNS: Final[Mapping[str, str]] = {"messages": "messages", "responses": "input"}
_LARGEST_PLACE: Final = 65_535


def takes_effort_in_band(capability: Capability, api: Api) -> bool:
    """Tell whether a model takes a change of effort inside the conversation at this endpoint."""
    if not capability.inband_effort or capability.own is not None:
        return False
    return (api, capability.switch) in (("messages", "anthropic_adaptive"), ("responses", "openai_effort"))


def continue_history(
    body: Mapping[str, Json], api: Api, history: EffortHistory, effort: Effort
) -> EffortHistory | None:
    """Add a call to the efforts of a session; None where the change can't be made in the conversation.

    Parameters
    ----------
    body
        As the client sent it.
    history
        Before this call.
    effort
        Of this call.

    Examples
    --------
    >>> first = [{"role": "user", "content": "Hi"}]
    >>> turns = [*first, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Prove it."}]
    >>> continue_history({"messages": turns}, "messages", EffortHistory("low"), "high")
    EffortHistory(base='low', changes=((2, 'high'),))
    """
    turns = body.get(_TURNS[api])
    if "none" in (effort, history.base) or not isinstance(turns, list):
        return None
    if history.changes and history.changes[-1][0] >= len(turns):
        return None  # the client has rewritten its history
    if effort == history.last:
        return history
    place = _newest_ask(turns)
    after_last = not history.changes or place is None or place > history.changes[-1][0]
    if place is None or not 0 < place <= _LARGEST_PLACE or not after_last or len(history.changes) >= MOST_CHANGES:
        return None
    return EffortHistory(history.base, (*history.changes, (place, effort)))


def write_changes(body: Body, api: Api, history: EffortHistory) -> None:
    """Insert the changes of a session into a body that asks for its first effort, in place."""
    key = _TURNS[api]
    turns = body.get(key)
    if not history.changes or not isinstance(turns, list):
        return
    written: list[Json] = list(turns)
    for place, effort in reversed(history.changes):
        written.insert(place, _change(api, effort))
    body[key] = written


def effort_in_band(body: Mapping[str, Json], api: Api) -> Effort | None:
    """Read the effort that the client itself set last inside the conversation; None where it set none."""
    turns = body.get(_TURNS.get(api, ""))
    for turn in reversed(turns if isinstance(turns, list) else []):
        if isinstance(turn, dict):
            place = "reasoning" if part_type(turn) == "configuration_update" else "output_config"
            config = turn.get(place) if place == "reasoning" or turn.get("role") == "system" else None
            effort = read_word(config) if isinstance(config, dict) else None
            if effort is not None:
                return effort
    return None


def _change(api: Api, effort: Effort) -> Json:
    if api == "responses":
        return {"type": "configuration_update", "reasoning": {"effort": effort}}
    return {"role": "system", "content": [], "output_config": {"effort": effort}}


def _newest_ask(turns: list[Json]) -> int | None:
    """Find the newest user turn that is no tool result: a change takes effect from the next user turn on."""
    for place in range(len(turns) - 1, -1, -1):
        turn = turns[place]
        if isinstance(turn, dict) and turn.get("role") == "user":
            parts = turn.get("content")
            results = isinstance(parts, list) and any(part_type(part) == "tool_result" for part in parts)
            return None if results else place
    return None
