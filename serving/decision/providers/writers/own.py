"""Writer of an operator's own switch: the members that `[arm.reasoning]` states, and nothing else."""

from __future__ import annotations

from serving.decision.providers.json_patch import Body
from serving.decision.providers.writers.change import EffortChange, child_object
from serving.decision.types import ReasoningSwitch


def own_switch(switch: ReasoningSwitch, body: Body, change: EffortChange) -> None:
    """Write the members of the effort's state, in place of those of every other state."""
    words = switch.words(change.effort)
    for path in switch.paths - {path for path, _ in words}:
        _remove(body, path.split("."))
    for path, value in words:
        *parents, last = path.split(".")
        place = body
        for parent in parents:
            place = child_object(place, parent)
        place[last] = value


def _remove(body: Body, path: list[str]) -> None:
    key, *rest = path
    if not rest:
        body.pop(key, None)
        return
    child = body.get(key)
    if isinstance(child, dict):
        _remove(child, rest)
        if not child:
            del body[key]
