"""The target of a body."""

from __future__ import annotations

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.rules.target import Target


def test_a_target_thinks_at_every_effort_but_none() -> None:
    capability = find_capability("gpt-5.1")
    assert not Target(capability, "gpt-5.1", "chat", "none").thinks
    assert Target(capability, "gpt-5.1", "chat", "minimal").thinks


def test_facts_are_known_by_the_usual_name() -> None:
    capability = find_capability("o3")
    assert Target(capability, "o3", "chat", "low").known_as == "o3"
    assert Target(capability, "chat-prod", "chat", "low", alias_of="o3").known_as == "o3"
