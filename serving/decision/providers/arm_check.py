"""Arm check: what each arm would send at each endpoint format, and which arms could not be told apart upstream.

Two arms that send the same are one treatment under two names: everything learnt about their difference would be noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

from serving.decision.errors import BadArms
from serving.decision.providers.capabilities import Capability
from serving.decision.providers.effort_writers import has_switch
from serving.decision.providers.endpoints import API_NAMES, Api
from serving.decision.providers.json_patch import Body
from serving.decision.providers.rewrite import RewriteOptions, rewrite_effort
from serving.decision.providers.targets import is_arm_model, target_capability
from serving.decision.types import Arm, Effort

APIS: tuple[Api, ...] = tuple(dict.fromkeys(API_NAMES.values()))
_CURE = "say with [[alias]] which model it is, with speaks who serves it, or state its switch with [arm.reasoning]"
_ASK: Body = {"role": "user", "content": "Hi"}
_BODIES: Mapping[Api, Body] = MappingProxyType(
    {
        "chat": {"stream": True, "messages": [_ASK]},
        "openrouter": {"stream": True, "messages": [_ASK]},
        "responses": {"stream": True, "input": "Hi"},
        "messages": {"stream": True, "max_tokens": 64_000, "messages": [_ASK]},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
        "converse": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
        "cohere": {"messages": [_ASK]},
    }
)
_HOSTS: Mapping[Api, str] = MappingProxyType({"openrouter": "openrouter", "converse": "bedrock", "cohere": "cohere"})
"""Formats that one host has."""
_NAMELESS: frozenset[Api] = frozenset({"gemini", "converse"})
"""Formats whose body names no model: the URL does."""


@dataclass(frozen=True, slots=True)
class ArmWords:
    """What one arm adds to a minimal body of one endpoint format.

    Parameters
    ----------
    effort
        The effort that is sent, within the model's; None where none can be.
    added
        Members that the body gets; empty where leaving them out says it.
    body
        The whole body.
    """

    arm: str
    api: Api
    effort: Effort | None
    added: Body
    body: Body
    capability: Capability


@dataclass(frozen=True, slots=True)
class ArmCheck:
    """What the check of all arms found.

    Parameters
    ----------
    words
        By arm and endpoint format, where the arm can be controlled.
    notes
        Arms that can't be controlled, or not as their effort says; each with its cure.
    refusals
        Pairs of arms of one model that would send the same.
    """

    words: tuple[ArmWords, ...]
    notes: tuple[str, ...]
    refusals: tuple[str, ...]

    def require_distinct(self) -> None:
        """Refuse arms that would send the same.

        Raises
        ------
        BadArms
            Every such pair, and the cure.
        """
        if self.refusals:
            raise BadArms(
                "\n".join(self.refusals) + f"\n{_CURE}; --allow-same (THINKGATE_ALLOW_SAME) is for who means it"
            )


def check_arms(arms: Sequence[Arm]) -> ArmCheck:
    """Try every arm at every endpoint format that its model can be controlled at.

    Examples
    --------
    >>> check_arms([Arm("direct", "gpt-5.1"), Arm("reasoning", "gpt-5.1", "high")]).refusals
    ()
    >>> check_arms([Arm("direct", "my-model"), Arm("reasoning", "my-model", "high")]).refusals
    ("arms 'direct' and 'reasoning' send the same: nothing is known of how 'my-model' reasons",)
    """
    words = tuple(found for arm in arms for api in APIS if (found := arm_words(arm, api)) is not None)
    by_arm = {arm.name: {said.api: said for said in words if said.arm == arm.name} for arm in arms}
    notes = [note for arm in arms if (note := _note(arm, by_arm[arm.name])) is not None]
    refusals = []
    for one, other in combinations(arms, 2):
        if one.speaks != other.speaks or not is_arm_model(one.model, other):
            continue
        same = [api for api, said in by_arm[one.name].items() if _same(said, by_arm[other.name].get(api))]
        if len(same) == len(by_arm[one.name]):
            refusals.append(f"arms {one.name!r} and {other.name!r} send the same: {_why(one, other, by_arm)}")
        elif same:
            notes.append(
                f"arms {one.name!r} and {other.name!r} send the same at {', '.join(same)}: use another endpoint"
            )
    return ArmCheck(words, tuple(notes), tuple(refusals))


def arm_words(arm: Arm, api: Api) -> ArmWords | None:
    """Give what an arm sends at an endpoint format; None where its model can't be controlled there."""
    capability = target_capability(arm.model, api, arm)
    host = arm.speaks or capability.host
    if not has_switch(capability, api) or (host and capability.own is None and _HOSTS.get(api, host) != host):
        return None
    plain = dict(_BODIES[api]) if api in _NAMELESS else {"model": arm.model, **_BODIES[api]}
    options = RewriteOptions(any_limit=True)
    done = rewrite_effort(plain, api, arm.effort, model=arm.model, options=options, arm=arm)
    added = {key: value for key, value in done.body.items() if key not in plain or plain[key] != value}
    return ArmWords(arm.name, api, done.effort, added, done.body, capability)


def _same(one: ArmWords, other: ArmWords | None) -> bool:
    named = {"model": ""}  # two names of one model are no difference
    return other is not None and {**one.body, **named} == {**other.body, **named}


def _note(arm: Arm, words: Mapping[Api, ArmWords]) -> str | None:
    """Say why an arm can't be controlled as it asks, and the cure; None where it can."""
    capability = target_capability(arm.model, "chat", arm)
    if not words:
        if not capability.is_known:
            return f"arm {arm.name!r}: nothing is known of how {arm.known_as!r} reasons: {_CURE}"
        if arm.effort in capability.efforts:
            return None
        known = f"no switch of {arm.known_as!r} is known, so effort {arm.effort!r} is not asked for"
        return f"arm {arm.name!r}: {known}: {_CURE}"
    sent = {said.effort for said in words.values()}
    if arm.effort in sent:
        return None
    return f"arm {arm.name!r}: {arm.known_as!r} does not take effort {arm.effort!r}; {_list(sent)} is sent"


def _why(one: Arm, other: Arm, by_arm: Mapping[str, Mapping[Api, ArmWords]]) -> str:
    words = by_arm[one.name] or by_arm[other.name]
    if not words:
        known = target_capability(one.model, "chat", one).is_known
        return (
            f"no switch of {one.known_as!r} is known" if known else f"nothing is known of how {one.known_as!r} reasons"
        )
    if one.effort == other.effort:
        return f"both are {one.known_as!r} at effort {one.effort!r}"
    return f"{one.known_as!r} takes {_list({said.effort for said in words.values()})} for both efforts"


def _list(efforts: set[Effort | None]) -> str:
    return " or ".join(sorted(repr(effort) for effort in efforts if effort is not None))
