"""An operator's own switch: its members are set, those of its other states go, all else stays."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.writers.change import EffortChange
from serving.decision.providers.writers.own import own_switch
from serving.decision.types import Effort, ReasoningSwitch

SWITCH = ReasoningSwitch(
    (
        ("off", (("template.think", False),)),
        ("on", (("template.think", True), ("budget", 4096))),
        ("low", (("template.think", True), ("budget", 512))),
    )
)
MODEL = Capability("tuned", "own", SWITCH.efforts, own=SWITCH)


@pytest.mark.parametrize(
    ("effort", "expect"),
    [
        ("none", {"template": {"kept": 1, "think": False}}),
        ("low", {"template": {"kept": 1, "think": True}, "budget": 512}),
        ("high", {"template": {"kept": 1, "think": True}, "budget": 4096}),
    ],
)
def test_states(effort: Effort, expect: dict[str, Any]) -> None:
    body: dict[str, Any] = {"template": {"kept": 1, "think": None}, "budget": 9}
    own_switch(SWITCH, body, EffortChange(MODEL, effort, None))
    assert body == expect


def test_an_empty_object_goes_too() -> None:
    switch = ReasoningSwitch((("off", ()), ("on", (("a.b.c", 1),))))
    body: dict[str, Any] = {"a": {"b": {"c": 1}}}
    own_switch(switch, body, EffortChange(MODEL, "none", None))
    assert body == {}
