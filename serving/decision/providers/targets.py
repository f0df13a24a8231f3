"""The target of a rewrite: whether a name means an arm's model, and what that model takes where it is served."""

from __future__ import annotations

import re
from dataclasses import replace

from serving.decision.providers.capabilities import Capability, find_capability
from serving.decision.providers.effort_writers import narrow
from serving.decision.providers.endpoints import Api
from serving.decision.providers.json_patch import Json
from serving.decision.types import Arm


def same_model(one: Json, other: str) -> bool:
    """Tell whether two names mean the same model, apart from provider prefixes and snapshot dates.

    Examples
    --------
    >>> same_model("gpt-5.1-2025-11-13", "openai/gpt-5.1"), same_model("gpt-5.1", "gpt-5.1-codex")
    (True, False)
    """
    return isinstance(one, str) and (one == other or _base_name(one) == _base_name(other))


def is_arm_model(name: Json, arm: Arm | None) -> bool:
    """Tell whether a name means an arm's model, by whichever of its names.

    Examples
    --------
    >>> is_arm_model("azure/chat-prod", Arm("direct", "gpt-5.1", aliases=("chat-prod",)))
    True
    """
    return arm is not None and any(same_model(name, known) for known in (arm.model, *arm.aliases))


def target_capability(model: str, api: Api, arm: Arm | None = None, host: str = "") -> Capability:
    """Look up what a target takes: an arm's own switch, else what its host takes of its model at this endpoint.

    Examples
    --------
    >>> from serving.decision.types import ReasoningSwitch
    >>> arm = Arm("own", "tuned-7b", reasoning=ReasoningSwitch((("off", ()), ("on", (("think", True),)))))
    >>> target_capability("tuned-7b", "chat", arm).efforts, target_capability("tuned-7b", "chat").efforts
    (('none', 'high'), ('none',))
    """
    is_arm = is_arm_model(model, arm)
    if is_arm and arm is not None:
        model, host = arm.known_as, arm.speaks or host
    found = narrow(find_capability(model, host or ("openrouter" if api == "openrouter" else ""), api), api)
    if not is_arm or arm is None or arm.reasoning is None:
        return found
    family = found.family if found.is_known else arm.known_as
    return replace(found, family=family, switch="own", efforts=arm.reasoning.efforts, own=arm.reasoning)


def _base_name(model: str) -> str:
    return _SNAPSHOT.sub("", model.rpartition("/")[2]).lower()


_SNAPSHOT = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2})$")
