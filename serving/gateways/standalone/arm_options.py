"""Arms on the command line: `MODEL@EFFORT`, made into an arms file and a policy that keeps arms to their upstream."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from serving.decision import EFFORTS, BadInput
from serving.gateways.standalone.upstreams import Upstream

UPSTREAM_HEADER: Final = "x-thinkgate-upstream"
"""Header by which policy rules know the upstream of a call; the gateway sets it and removes it again."""


class BadArmOption(BadInput):
    """An arm that can't be read; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class ArmOption:
    """One arm of the command line.

    Parameters
    ----------
    upstream
        Label of the upstream that it is for; empty: for all.
    """

    upstream: str
    model: str
    effort: str

    @property
    def name(self) -> str:
        """Its name in decisions and journal."""
        return f"{self.model}@{self.effort}"


def parse_arms_options(texts: Sequence[str], upstreams: Sequence[Upstream]) -> tuple[ArmOption, ...]:
    """Parse arms, each `MODEL@EFFORT` or `NAME=MODEL@EFFORT` with the name of an upstream.

    Raises
    ------
    BadArmOption
        Unreadable, fewer than two, twice the same, or an upstream is left without one.
    """
    labels = [upstream.label for upstream in upstreams]
    arms = tuple(_parse(text.strip(), labels) for text in texts)
    for text, arm in zip(texts, arms, strict=True):
        if arms.count(arm) > 1:
            raise BadArmOption(f"--arm {text} is there twice; name each arm once")
    if len({arm.name for arm in arms}) < 2:
        raise BadArmOption(f"--arm {texts[0]}: one arm is no choice; add another, such as the same model @high")
    for label in labels:
        if not any(arm.upstream in ("", label) for arm in arms):
            raise BadArmOption(f"upstream {label} has no arm: add --arm {label}=MODEL@none --arm {label}=MODEL@high")
    return arms


def arms_toml(arms: Sequence[ArmOption]) -> str:
    """Write the arms file; the first arm is the baseline."""
    by_name = {arm.name: arm for arm in arms}  # one that two upstreams have is one arm
    # A JSON string is a TOML basic string.
    return "".join(
        f"[[arm]]\nname = {json.dumps(name)}\nmodel = {json.dumps(arm.model)}\neffort = {json.dumps(arm.effort)}\n"
        for name, arm in by_name.items()
    )


def policy_toml(arms: Sequence[ArmOption], upstreams: Sequence[Upstream]) -> str | None:
    """Write a policy that allows, at each upstream, its own arms; None where every arm serves every upstream."""
    if not any(arm.upstream for arm in arms):
        return None
    rules = []
    for label in [upstream.label for upstream in upstreams]:
        allowed = [arm.name for arm in arms if arm.upstream in ("", label)]
        rules.append(
            f"[[rule]]\nallow = {json.dumps(allowed)}\nheader = {{ {UPSTREAM_HEADER} = {json.dumps(label)} }}\n"
        )
    return "\n".join(rules)


def _parse(text: str, labels: Sequence[str]) -> ArmOption:
    upstream, found, rest = text.partition("=")
    if not found:
        upstream, rest = "", text
    elif upstream not in labels:
        raise BadArmOption(f"--arm {text}: there is no upstream {upstream!r}; there is {', '.join(labels)}")
    model, _, effort = rest.rpartition("@")
    if not model or effort not in EFFORTS:
        raise BadArmOption(f"--arm {text}: write MODEL@EFFORT, with an effort of {', '.join(EFFORTS)}")
    return ArmOption(upstream, model, effort)
