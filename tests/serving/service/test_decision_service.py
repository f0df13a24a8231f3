"""The guard: sources are put together, sinks are told, and none of them can make a decision fail."""

from __future__ import annotations

from collections.abc import Mapping

from serving.decision.engine import RecordedDecision
from serving.decision.selection.runtime_state import NEUTRAL, ArmHealth, RuntimeState, Session, combine_states
from serving.decision.types import Decision, Message, Request
from tests.support.fakes import BrokenDecider, LengthDecider, make_service

HELLO = Request((Message("user", "hello"),))


class Knows:
    """A source that always says the same."""

    def __init__(self, runtime_state: RuntimeState) -> None:
        self.told = runtime_state

    def runtime_state(self, request: Request, headers: Mapping[str, str]) -> RuntimeState:
        return self.told


class Breaks:
    """A source and a sink that raises."""

    def runtime_state(self, request: Request, headers: Mapping[str, str]) -> RuntimeState:
        raise RuntimeError("no")

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        raise RuntimeError("no")


class Listens:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[RecordedDecision] = []

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        self.heard.append(decided)


class Situated(LengthDecider):
    """Keeps the runtime state it is asked with."""

    def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
        self.runtime_state = runtime_state
        return super().decide(request, runtime_state)


def test_situations_are_put_together_whatever_breaks() -> None:
    decider = Situated()
    sources = (
        Knows(RuntimeState(session=Session("direct"), cost_multiplier=1.0)),
        Breaks(),
        Knows(RuntimeState(health={"direct": ArmHealth(shed=True, why="slow")}, explore=False)),
    )
    guard = make_service(decider, sources=sources)
    assert guard.decide(HELLO).fallback is None
    assert decider.runtime_state == RuntimeState(
        session=Session("direct"),
        cost_multiplier=1.0,
        health={"direct": ArmHealth(shed=True, why="slow")},
        explore=False,
    )
    assert guard.stats.contained == 1


def test_the_calm_case_costs_no_new_situation() -> None:
    decider = Situated()
    make_service(decider, sources=(Knows(NEUTRAL), Knows(NEUTRAL))).decide(HELLO)
    assert decider.runtime_state is NEUTRAL


def test_sinks_are_told_of_every_answer_and_a_broken_one_hurts_nobody() -> None:
    for decider, fallback in ((LengthDecider(), None), (BrokenDecider(), "baseline")):
        sink = Listens()
        guard = make_service(decider, sinks=(Breaks(), sink))
        decision = guard.decide(HELLO)
        assert [decided.decision for decided in sink.heard] == [decision]
        assert decision.fallback == fallback
        assert guard.stats.contained == 1


def test_combination_is_cautious() -> None:
    one = ArmHealth(latency_factor=2.0, expected_retries=0.1, shed=False, why="slow")
    two = ArmHealth(latency_factor=1.5, success_shift=-0.1, shed=True, why="timeouts")
    both = combine_states(
        RuntimeState(health={"a": one}, uniform=0.25), RuntimeState(health={"a": two, "b": two}, uniform=0.5)
    )
    assert both.uniform == 0.25
    assert both.health["b"] is two
    assert both.health["a"] == ArmHealth(3.0, 1.0, -0.1, 0.1, True, "slow; timeouts")
