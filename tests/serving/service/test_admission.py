"""Deadline, shedding and the stand-in: marked, by the operator's rules, and the model gets its chance again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from serving.decision.engine import Engine, RecordedDecision
from serving.decision.policy.policy import Exploration, Policy, Rule, Terms
from serving.decision.prior.model import PriorModel
from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.decision.selection.runtime_state import NEUTRAL, ArmHealth, RuntimeState, Session
from serving.decision.types import Decision, Fallback, Message, Request
from serving.model.slot import EngineSlot, LiveEngine
from serving.service.admission import OVERLOADED, SLOW, STILL_SLOW, AdmissionControl, QueueLoad
from serving.service.decision_service import DecisionService
from serving.service.fallback import choose_fallback
from tests.support.fakes import ARMS as TWO
from tests.support.fakes import LengthDecider
from tests.support.policy_cases import ARMS, Counter, ask, engine
from tests.support.servers import Launch

MS = 1_000_000


class Clock:
    """Nanoseconds that move only when they are told to."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class Sluggish(LengthDecider):
    """Takes as long as it is told."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.ns, self.asked = clock, 0, 0

    def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
        self.asked += 1
        self.clock.now += self.ns
        return super().decide(request, runtime_state)


def sluggish(deadline_ms: float = 5.0) -> tuple[DecisionService, Sluggish, Clock]:
    clock = Clock()
    model = Sluggish(clock)
    admission = AdmissionControl(deadline_ms)
    guard = DecisionService(
        EngineSlot(LiveEngine(model, TWO, "b", "p")), "baseline", clock, Counter(), admission=admission
    )
    return guard, model, clock


def test_a_late_answer_is_replaced_and_marked() -> None:
    guard, model, _ = sluggish()
    assert guard.decide(ask()).fallback is None
    model.ns = 6 * MS
    late = guard.decide(ask("x" * 300))
    assert (late.fallback, late.arm) == ("baseline", "direct")
    assert late.reason == f"{SLOW}: fallback baseline"
    assert (guard.admission.stats.late, guard.stats.fallbacks, guard.stats.coverage) == (1, 1, 0.5)


def test_a_slow_model_is_left_alone_and_probed_until_it_is_fast_again() -> None:
    guard, model, clock = sluggish()
    model.ns = 6 * MS
    for _ in range(3):
        assert SLOW in guard.decide(ask()).reason
    assert model.asked == 3
    for _ in range(50):
        assert STILL_SLOW in guard.decide(ask()).reason
    assert (model.asked, guard.admission.stats.skipped) == (3, 50)
    clock.now += 101 * MS
    assert SLOW in guard.decide(ask()).reason  # the probe
    assert STILL_SLOW in guard.decide(ask()).reason
    clock.now += 101 * MS
    assert STILL_SLOW in guard.decide(ask()).reason  # probes become rarer
    clock.now += 101 * MS
    model.ns = MS
    assert guard.decide(ask()).fallback is None
    assert guard.decide(ask()).fallback is None
    assert model.asked == 6


def test_zero_is_without_end() -> None:
    guard, model, _ = sluggish(0.0)
    model.ns = 10_000 * MS
    assert guard.decide(ask()).fallback is None


def test_too_many_waiting_are_answered_without_the_model() -> None:
    load = QueueLoad()
    clock = Clock()
    model = Sluggish(clock)
    guard = DecisionService(
        EngineSlot(LiveEngine(model, TWO, "b", "p")),
        "reason",
        clock,
        Counter(),
        admission=AdmissionControl(5.0, 3, load),
    )
    load.arrived, load.begun = 10, 7
    assert guard.decide(ask()).fallback is None
    load.arrived = 11
    shed = guard.decide(ask())
    assert (shed.fallback, shed.arm, shed.reason) == ("reason", "reasoning", f"{OVERLOADED}: fallback reason")
    assert (model.asked, guard.admission.stats.shed, guard.admission.stats.waiting) == (1, 1, 4)


def live_of(policy: Policy) -> LiveEngine:
    made = engine(policy=policy)
    return LiveEngine(made, ARMS, "fixed", made.version, bound_policy=made.bound_policy)


@pytest.mark.parametrize(("kind", "arm"), [("baseline", "direct"), ("reason", "high"), ("prior", "direct")])
def test_the_stand_in_is_the_chosen_one(kind: Fallback, arm: str) -> None:
    assert choose_fallback(live_of(Policy()), ask(), NEUTRAL, kind).arm.name == arm


def test_the_stand_in_keeps_the_operators_rules() -> None:
    live = live_of(Policy(rules=(Rule(deny=("direct",), tenants=("acme",)), Rule(deny=("high",)))))
    assert choose_fallback(live, ask(tenant="acme"), NEUTRAL, "baseline").arm.name == "low"
    assert choose_fallback(live, ask(), NEUTRAL, "reason").arm.name == "low"
    capped = live_of(Policy(terms=Terms(max_effort="low")))
    assert choose_fallback(capped, ask(), NEUTRAL, "reason").arm.name == "low"
    closed = live_of(Policy(rules=(Rule(deny=("direct", "low", "high"), tenants=("acme",)),)))
    with pytest.raises(EveryArmDenied):
        choose_fallback(closed, ask(tenant="acme"), NEUTRAL, "baseline")


def test_the_stand_in_toggles_no_open_tool_loop() -> None:
    loop = Request((Message("user", "weather?"), Message("assistant", "", tool_calls=1), Message("tool", "sunny")))
    chosen = choose_fallback(live_of(Policy()), loop, RuntimeState(session=Session("high")), "baseline")
    assert (chosen.arm.name, chosen.because) == ("high", "tool_loop")


def test_the_clients_word_stands_where_the_policy_honours_it() -> None:
    honoured = choose_fallback(live_of(Policy()), ask(client_effort="high"), NEUTRAL, "baseline")
    assert (honoured.arm.name, honoured.effort, honoured.because) == ("high", "high", "client")
    ignored = live_of(Policy(terms=Terms(client_effort="ignore")))
    assert choose_fallback(ignored, ask(client_effort="high"), NEUTRAL, "baseline").arm.name == "direct"


def test_a_shed_arm_stands_in_last() -> None:
    shed = RuntimeState(health={"direct": ArmHealth(shed=True)})
    assert choose_fallback(live_of(Policy()), ask(), shed, "baseline").arm.name == "low"
    every = RuntimeState(health={arm.name: ArmHealth(shed=True) for arm in ARMS})
    assert choose_fallback(live_of(Policy()), ask(), every, "baseline").arm.name == "direct"


def test_caps_of_the_stand_in_keep_the_limits() -> None:
    caps = choose_fallback(live_of(Policy()), ask(deadline_ms=1500.5), NEUTRAL, "reason").caps
    assert (caps.max_total_ms, caps.max_reasoning_tokens, caps.max_retries) == (1501, 3000, 1)
    assert choose_fallback(live_of(Policy()), ask(), NEUTRAL, "baseline").caps.max_reasoning_tokens == 0


def test_a_fallback_of_the_prior_draws_nothing() -> None:
    policy = Policy(terms=Terms(exploration=Exploration(1.0, 1.0, 1.0, 1.0)))
    prior = Engine(PriorModel(ARMS), policy, ids=Counter())

    class Fails:
        def decide_recorded(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> RecordedDecision:
            raise RuntimeError("no")

    live = LiveEngine(Fails(), ARMS, "b", "p", prior=prior, bound_policy=prior.bound_policy)
    guard = DecisionService(EngineSlot(live), "prior", Clock(), Counter())
    decided = [guard.decide_recorded(ask(f"question {n}")) for n in range(40)]
    assert {each.decision.propensity for each in decided} == {1.0}
    assert {each.decision.fallback for each in decided} == {"prior"}
    assert all(each.record is not None and not each.record.runtime_state.explore for each in decided)


def test_an_overloaded_server_sheds_and_fails_nobody(launch: Launch) -> None:
    running = launch("--max-waiting", "2")
    with httpx.Client(base_url=running.url, limits=httpx.Limits(max_connections=64), timeout=30) as http:
        with ThreadPoolExecutor(48) as pool:
            answers = list(pool.map(lambda n: http.post("/v1/decisions", json={"prompt": f"{n} " * 400}), range(600)))
        calm = http.post("/v1/decisions", json={"prompt": "What is 2 + 2?"}).json()
    assert {answer.status_code for answer in answers} == {200}
    reasons = [str(answer.json()["reason"]) for answer in answers]
    assert sum(OVERLOADED in reason for reason in reasons) > 0
    assert OVERLOADED not in calm["reason"]
    assert running.end() == 0
