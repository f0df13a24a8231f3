"""Properties of every decision: monotone in value, price and deadline; caps; propensities; rules; replay.

Cases are drawn with K = 2..4 arms. In `orderly` ones more effort costs more and takes longer; others are arbitrary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.engine import Engine
from serving.decision.errors import BadPolicy
from serving.decision.policy.arms import effort_rank
from serving.decision.policy.policy import CallLimits, Exploration, Policy, Rule, Terms
from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.decision.selection.decide import ForeignRecord, cost_at_multipliers, replay_decision
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.selection.runtime_state import ArmHealth, RuntimeState, Session
from serving.decision.types import EFFORTS, Arm, Decision, Prediction, Price, Request, Usd
from tests.support.policy_cases import ARMS, DIRECT, HIGH, NOW, Counter, Fixed, ask, engine, forecast, policy

NAMES = ("a0", "a1", "a2", "a3")
BEHAVIOURS = ("expected", "baseline", "reason")
QUIET = {"maybe": st.sampled_from(BEHAVIOURS), "low_support": st.sampled_from(("prior", "baseline", "reason"))}

unit = st.floats(0, 1)
money = st.floats(0, 100)


@dataclass(frozen=True)
class Case:
    arms: tuple[Arm, ...]
    prediction: Prediction
    terms: Terms
    request: Request
    runtime_state: RuntimeState
    rules: tuple[Rule, ...] = ()

    def decide(self) -> Decision:
        return self.engine().decide(self.request, self.runtime_state)

    def record(self) -> DecisionRecord:
        return self.engine().record(self.request, self.runtime_state)

    def policy(self) -> Policy:
        return Policy(terms=self.terms, rules=self.rules)

    def engine(self) -> Engine:
        return Engine(Fixed(self.prediction, self.arms), self.policy(), clock=lambda: NOW, ids=Counter())


@st.composite
def cases(draw: st.DrawFn, /, orderly: bool, **terms: Any) -> Case:
    k = draw(st.integers(2, 4))

    def figures(low: float, high: float) -> list[float]:
        drawn = draw(st.lists(st.floats(low, high), min_size=k, max_size=k))
        return sorted(drawn) if orderly else drawn

    ranks = draw(st.lists(st.integers(0, 6), min_size=k, max_size=k, unique=orderly))
    ranks = sorted(ranks) if orderly else ranks
    price = Price(draw(st.floats(0, 20)), draw(st.floats(0.01, 100)))
    prices = [price] * k if orderly else [Price(price.input, draw(st.floats(0.01, 100))) for _ in range(k)]
    models = ["m"] * k if orderly else draw(st.lists(st.sampled_from("mn"), min_size=k, max_size=k))
    arms = tuple(
        Arm(name, model, EFFORTS[rank], price=own)
        for name, model, rank, own in zip(NAMES, models, ranks, prices, strict=False)
    )
    return Case(
        arms=arms,
        prediction=_prediction(draw, k, figures),
        terms=Terms(
            latency_usd_per_second=draw(st.floats(0, 0.05)),
            switching_cost_usd=draw(st.sampled_from((0.0, 0.01))),
            max_cost_usd=draw(st.none() | st.floats(1e-5, 0.5).map(Usd)),
            deadline_ms=draw(st.none() | st.floats(1, 200_000)),
            **{name: draw(strategy) for name, strategy in terms.items()},
        ),
        request=ask(value_of_success_usd=draw(st.none() | money.map(Usd))),
        runtime_state=_runtime_state(draw, k, orderly),
    )


def _prediction(draw: st.DrawFn, k: int, figures: Any) -> Prediction:
    tokens, latency = figures(1, 20_000), figures(1, 60_000)
    p95 = figures(1, 200_000)
    uplift = draw(st.lists(st.floats(-0.5, 0.5), min_size=k - 1, max_size=k - 1))
    halves = draw(st.lists(st.tuples(st.floats(0, 0.3), st.floats(0, 0.3)), min_size=k - 1, max_size=k - 1))
    return Prediction(
        success=tuple(draw(st.lists(unit, min_size=k, max_size=k))),
        uplift=tuple(uplift),
        uplift_lower=tuple(mean - half[0] for mean, half in zip(uplift, halves, strict=True)),
        uplift_upper=tuple(mean + half[1] for mean, half in zip(uplift, halves, strict=True)),
        output_tokens_mean=tuple(tokens),
        output_tokens_p95=tuple(2 * mean for mean in tokens),
        latency_mean_ms=tuple(latency),
        latency_p95_ms=tuple(p95),
        support=draw(unit),
    )


def _runtime_state(draw: st.DrawFn, k: int, orderly: bool) -> RuntimeState:
    cached = st.builds(Session, st.sampled_from(NAMES[:k]), cached_tokens=st.integers(0, 5000))
    health = st.builds(
        ArmHealth,
        latency_factor=st.floats(0.5, 4),
        tokens_factor=st.floats(0.5, 4),
        success_shift=st.floats(-0.3, 0.1),
        shed=st.booleans(),
    )
    # Live latency and tokens may turn the order of arms, so an orderly case has what guards do beside that.
    make_service = st.builds(ArmHealth, success_shift=st.floats(-0.3, 0.3), shed=st.booleans())
    names = st.sampled_from(NAMES[:k])
    return RuntimeState(
        input_tokens=draw(st.integers(0, 10_000)),
        cost_multiplier=draw(st.floats(0, 1000)),
        session=draw(st.none() | cached),
        health=draw(st.dictionaries(names, make_service if orderly else health, max_size=k)),
        task_shifts=draw(st.just({}) | st.just({"": {NAMES[k - 1]: -0.2}, "t": {NAMES[0]: 0.1}})),
        explore=draw(st.booleans()),
    )


def rank(decision: Decision) -> int:
    return effort_rank(decision.effort)


@settings(deadline=None, max_examples=100)
@given(cases(orderly=True, **QUIET), money, money)
def test_raising_the_value_of_a_success_never_lowers_effort(case: Case, one: float, two: float) -> None:
    low, high = sorted((one, two))
    efforts = [
        rank(replace(case, request=replace(case.request, value_of_success_usd=Usd(value))).decide())
        for value in (low, high)
    ]
    assert efforts == sorted(efforts)


@settings(deadline=None, max_examples=100)
@given(cases(orderly=True, **QUIET), st.floats(1, 50))
def test_raising_all_prices_never_raises_effort(case: Case, factor: float) -> None:
    dearer = tuple(
        replace(arm, price=Price(arm.price.input * factor, arm.price.output * factor))
        for arm in case.arms
        if arm.price is not None
    )
    assert rank(replace(case, arms=dearer).decide()) <= rank(case.decide())


@settings(deadline=None, max_examples=100)
@given(cases(orderly=True, **QUIET), st.floats(0, 10), st.floats(0, 10))
def test_budget_pressure_never_raises_effort(case: Case, one: float, two: float) -> None:
    efforts = [
        rank(replace(case, runtime_state=replace(case.runtime_state, cost_multiplier=pressure)).decide())
        for pressure in sorted((one, two))
    ]
    assert efforts == sorted(efforts, reverse=True)


@settings(deadline=None, max_examples=80)
@given(cases(orderly=False, **QUIET), st.sampled_from(EFFORTS))
def test_a_hard_stop_leaves_the_baseline_alone(case: Case, client: Any) -> None:
    stopped = {arm.name: ArmHealth(shed=True) for arm in case.arms[1:]}
    runtime_state = replace(case.runtime_state, health=stopped, session=None)
    for wish in (None, client):
        asked = replace(case, runtime_state=runtime_state, request=replace(case.request, client_effort=wish))
        assert asked.decide().arm == case.arms[0].name


@settings(deadline=None, max_examples=80)
@given(cases(orderly=False, **QUIET), st.floats(0, 0.5))
def test_an_arm_that_delivers_less_is_never_taken_more(case: Case, less: float) -> None:
    last = case.arms[-1].name
    health = case.runtime_state.health.get(last, ArmHealth())
    worse = replace(health, success_shift=health.success_shift - less)
    spoilt = replace(case, runtime_state=replace(case.runtime_state, health={**case.runtime_state.health, last: worse}))
    assert case.decide().arm == last or spoilt.decide().arm != last


@settings(deadline=None, max_examples=80)
@given(cases(orderly=True, **QUIET), st.floats(1, 50))
def test_with_two_arms_a_dearer_reasoning_arm_is_never_taken_more(case: Case, factor: float) -> None:
    case = _first_two(case)
    last = case.arms[1]
    assert last.price is not None
    dearer = replace(last, price=Price(last.price.input * factor, last.price.output * factor))
    assert rank(replace(case, arms=(case.arms[0], dearer)).decide()) <= rank(case.decide())


@settings(deadline=None, max_examples=100)
@given(cases(orderly=True, **QUIET), st.floats(0, 1), st.floats(0, 1))
def test_dearer_waiting_never_makes_it_slower(case: Case, one: float, two: float) -> None:
    means = dict(zip(NAMES, case.prediction.latency_mean_ms, strict=False))
    waits = [
        means[replace(case, terms=replace(case.terms, latency_usd_per_second=second)).decide().arm]
        for second in sorted((one, two))
    ]
    assert waits == sorted(waits, reverse=True)


@settings(deadline=None, max_examples=80)
@given(
    cases(orderly=False, **QUIET),
    st.none() | st.floats(1, 300_000),
    st.floats(1, 300_000),
    st.none() | st.sampled_from(EFFORTS),
)
def test_a_deadline_never_makes_it_slower(case: Case, loose: float | None, tight: float, client: Any) -> None:
    tight = tight if loose is None else min(tight, loose)
    case = replace(case, request=replace(case.request, client_effort=client))

    def p95(deadline: float | None) -> float:
        decision = replace(case, request=replace(case.request, deadline_ms=deadline)).decide()
        return decision.estimates[decision.arm].latency_p95_ms

    if loose is None:
        case = replace(case, terms=replace(case.terms, deadline_ms=None))
    assert p95(tight) <= p95(loose)


@settings(deadline=None, max_examples=100)
@given(cases(orderly=False, **QUIET))
def test_a_request_that_cannot_wait_is_not_sent_to_think(case: Case) -> None:
    decision = case.decide()
    deadline = min(case.terms.deadline_ms or 1e9, case.terms.limits.total_ms)
    late = decision.estimates[decision.arm].latency_p95_ms > deadline
    dear = case.terms.max_cost_usd is not None
    if late and not dear:
        shed = {name for name, health in case.runtime_state.health.items() if health.shed}
        rest = [e for name, e in decision.estimates.items() if name not in shed or len(shed) == len(case.arms)]
        assert all(estimate.latency_p95_ms > deadline for estimate in rest)
        assert "no arm keeps every limit" in decision.reason


EXPLORING = {
    "maybe": st.sampled_from(("expected", "baseline", "reason", "explore")),
    "low_support": st.sampled_from(("prior", "baseline", "reason", "explore")),
    "exploration": st.builds(Exploration, unit, unit, unit, unit),
}


@settings(deadline=None, max_examples=70)
@given(cases(orderly=False, **EXPLORING), st.integers(0, 10))
def test_propensities_are_the_chances_of_the_draw(case: Case, places: int) -> None:
    # Walk the unit interval in equal steps: the share of steps that takes an arm is that arm's propensity.
    steps = 12 * (places + 5)
    seen: dict[str, float] = {}
    counted: dict[str, int] = {}
    engine = case.engine()
    for step in range(steps):
        decision = engine.decide(case.request, replace(case.runtime_state, uniform=(step + 0.5) / steps))
        assert 0.0 < decision.propensity <= 1.0
        assert seen.setdefault(decision.arm, decision.propensity) == decision.propensity
        counted[decision.arm] = counted.get(decision.arm, 0) + 1
    for arm, propensity in seen.items():
        assert counted[arm] / steps == pytest.approx(propensity, abs=2.0 * len(case.arms) / steps)
    assert sum(seen.values()) == pytest.approx(1.0, abs=2.0 * len(case.arms) / steps)


@settings(deadline=None, max_examples=100)
@given(cases(orderly=False, **EXPLORING))
def test_a_draw_never_takes_an_arm_that_may_not_serve(case: Case) -> None:
    quiet = replace(case, terms=replace(case.terms, exploration=Exploration(explore=0.0))).decide()
    for uniform in (0.0, 0.1, 0.3, 0.5, 0.9):
        drawn = replace(case, runtime_state=replace(case.runtime_state, uniform=uniform)).decide()
        if drawn.arm != quiet.arm:
            estimate = drawn.estimates[drawn.arm]
            assert estimate.latency_p95_ms <= min(case.terms.deadline_ms or 1e9, case.terms.limits.total_ms)
            assert case.terms.max_cost_usd is None or estimate.cost_usd <= case.terms.max_cost_usd
            health = case.runtime_state.health
            shed = {arm.name for arm in case.arms if arm.name in health and health[arm.name].shed}
            assert drawn.arm not in shed or len(shed) == len(case.arms)


@settings(deadline=None, max_examples=70)
@given(
    cases(orderly=False, **EXPLORING),
    st.builds(CallLimits, st.integers(0, 50_000), st.floats(0.1, 5), st.integers(0, 5), st.integers(1, 600_000)),
    st.none() | st.sampled_from(EFFORTS),
    st.none() | st.floats(1, 1e6),
)
def test_no_decision_without_caps(case: Case, limits: CallLimits, client: Any, deadline: float | None) -> None:
    request = replace(case.request, client_effort=client, deadline_ms=deadline)
    caps = replace(case, request=request, terms=replace(case.terms, limits=limits)).decide()
    assert 0 <= caps.caps.max_reasoning_tokens <= limits.reasoning_tokens
    assert 0 <= caps.caps.max_retries <= limits.retries
    assert 1 <= caps.caps.max_total_ms <= limits.total_ms
    assert deadline is None or caps.caps.max_total_ms <= max(deadline, 1)
    assert caps.effort != "none" or caps.caps.max_reasoning_tokens == 0


@settings(deadline=None, max_examples=100)
@given(
    cases(orderly=False, **EXPLORING),
    st.lists(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3), min_size=1, max_size=2),
    st.lists(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3), max_size=1),
    st.none() | st.sampled_from(EFFORTS),
    st.booleans(),
)
def test_a_deny_rule_always_wins(
    case: Case, denials: list[set[str]], wishes: list[set[str]], client: Any, tool_loop: bool
) -> None:
    names = {arm.name for arm in case.arms}
    rules = tuple(Rule(deny=tuple(denied & names)) for denied in denials)
    rules += tuple(Rule(allow=tuple(wish & names)) for wish in wishes if wish & names)
    denied = set().union(*denials)
    wished = set().union(*wishes) & names
    runtime_state = case.runtime_state
    if tool_loop:
        runtime_state = replace(runtime_state, session=Session("a0", open_tool_loop=True))
    case = replace(case, rules=rules, runtime_state=runtime_state, request=replace(case.request, client_effort=client))
    if not (wished or names) - denied:
        with pytest.raises(EveryArmDenied, match="leaves no arm"):
            case.decide()
        return
    arm = case.decide().arm
    assert arm not in denied
    assert not wished or arm in wished


@settings(deadline=None, max_examples=70)
@given(cases(orderly=False, **EXPLORING), st.none() | st.sampled_from(EFFORTS), st.none() | unit)
def test_a_record_makes_its_decision_again_to_the_bit(case: Case, client: Any, uniform: float | None) -> None:
    case = replace(case, request=replace(case.request, client_effort=client, task="t"))
    uniform = None if uniform is None or uniform == 1.0 else uniform
    engine = case.engine()
    decided = engine.decide_recorded(case.request, replace(case.runtime_state, uniform=uniform))
    assert decided.record is not None
    stored = DecisionRecord.from_json(decided.record.to_json())
    assert stored == decided.record
    again = replay_decision(stored, engine.arms, case.policy(), engine.prices)
    assert replace(again, elapsed_us=decided.decision.elapsed_us) == decided.decision


@settings(deadline=None, max_examples=80)
@given(cases(orderly=False, **QUIET), st.sampled_from(EFFORTS), st.none() | st.sampled_from(EFFORTS))
def test_nobody_gets_more_than_the_most_effort(case: Case, most: Any, client: Any) -> None:
    request = replace(case.request, client_effort=client)
    case = replace(case, terms=replace(case.terms, max_effort=most), request=request)
    if all(effort_rank(arm.effort) > effort_rank(most) for arm in case.arms):
        with pytest.raises(BadPolicy, match="max_effort"):
            case.decide()
    else:
        assert rank(case.decide()) <= effort_rank(most)


@settings(deadline=None, max_examples=80)
@given(cases(orderly=False, **EXPLORING))
def test_estimates_are_sound(case: Case) -> None:
    decision = case.decide()
    assert list(decision.estimates) == [arm.name for arm in case.arms]
    for estimate in decision.estimates.values():
        assert 0.0 <= estimate.success <= 1.0
        assert estimate.cost_usd > 0.0
    assert decision.bucket in ("use", "maybe", "avoid")
    assert decision.reason


def test_replay_refuses_another_policy_other_prices_and_other_arms() -> None:
    deciding = engine()
    record = deciding.record(ask())
    assert replay_decision(record, deciding.arms, Policy(), deciding.prices).arm == deciding.decide(ask()).arm
    with pytest.raises(ForeignRecord, match="made under default@"):
        replay_decision(record, deciding.arms, policy(maybe="reason"), deciding.prices)
    dearer = engine(arms=(DIRECT, ARMS[1], replace(HIGH, price=Price(1.0, 11.0))))
    with pytest.raises(ForeignRecord, match="made under"):
        replay_decision(record, dearer.arms, Policy(), dearer.prices)
    with pytest.raises(ForeignRecord, match="has 3 arms, not 2"):
        replay_decision(record, deciding.arms[:2], Policy(), deciding.prices)


def test_cost_at_multipliers_is_the_cost_of_the_arm_chosen_at_each() -> None:
    deciding = engine(forecast((0.0, 0.1)))
    record = deciding.record(ask())
    costs = cost_at_multipliers(record, deciding.bound_policy, (0.0, 3.0))
    chosen = [deciding.decide(ask(), RuntimeState(cost_multiplier=multiplier)) for multiplier in (0.0, 3.0)]
    assert [decision.arm for decision in chosen] == ["high", "direct"]
    assert costs == tuple(decision.estimates[decision.arm].cost_usd for decision in chosen)


def _first_two(case: Case) -> Case:
    prediction = case.prediction
    cut = Prediction(
        success=prediction.success[:2],
        uplift=prediction.uplift[:1],
        uplift_lower=prediction.uplift_lower[:1],
        uplift_upper=prediction.uplift_upper[:1],
        output_tokens_mean=prediction.output_tokens_mean[:2],
        output_tokens_p95=prediction.output_tokens_p95[:2],
        latency_mean_ms=prediction.latency_mean_ms[:2],
        latency_p95_ms=prediction.latency_p95_ms[:2],
        support=prediction.support,
    )
    return replace(case, arms=case.arms[:2], prediction=cut, runtime_state=replace(case.runtime_state, session=None))
