"""Single decisions whose arithmetic a person can check, and the corners where the monotone rules once broke."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from serving.decision.engine import Engine
from serving.decision.policy.policy import CallLimits, Exploration, Rule
from serving.decision.selection.runtime_state import ArmHealth, RuntimeState, Session
from serving.decision.types import Arm, Decision, Message, Prediction, Price, Request, Usd
from tests.support.policy_cases import ARMS, DIRECT, HIGH, LOW, PRICE, Fixed, ask, decide, engine, forecast, policy

# Prices: 1 USD per million in, 10 out. With 1,000 tokens in and no retries: direct 0.003, low 0.009, high 0.031 USD.
PLAIN = RuntimeState(input_tokens=1000)
NO_RETRIES = policy(expected_retries=0.0)


def cost(decision: Decision, arm: str) -> float:
    return decision.estimates[arm].cost_usd


# --- buckets and utility --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uplift", "half", "bucket", "arm"),
    [
        (0.10, 0.02, "use", "high"),  # 0.08 x 0.50 = 0.040 pays 0.028
        (0.06, 0.02, "maybe", "high"),  # 0.04 x 0.50 = 0.020 does not, 0.06 x 0.50 = 0.030 does
        (0.05, 0.02, "maybe", "direct"),  # 0.025 does not, 0.07 x 0.50 = 0.035 does
        (0.02, 0.02, "avoid", "direct"),  # 0.04 x 0.50 = 0.020 does not
    ],
)
def test_bucket_and_arm_follow_the_interval_of_net_benefit(uplift: float, half: float, bucket: str, arm: str) -> None:
    two = forecast((uplift,), half, (200.0, 3000.0), (1000.0, 20000.0))
    decision = engine(two, NO_RETRIES, (DIRECT, HIGH)).decide(ask(), PLAIN)
    assert (decision.bucket, decision.arm) == (bucket, arm)
    assert cost(decision, "high") - cost(decision, "direct") == pytest.approx(0.028)


def test_the_smallest_effort_that_pays_is_taken() -> None:
    # high brings 0.01 more than low, worth 0.005 USD, and costs 0.022 more
    assert decide(forecast((0.10, 0.11)), NO_RETRIES, runtime_state=PLAIN).arm == "low"
    assert decide(forecast((0.10, 0.16)), NO_RETRIES, runtime_state=PLAIN).arm == "high"


def test_level_arms_go_to_less_effort() -> None:
    free = Price(0.0, 0.0)
    arms = (replace(DIRECT, price=free), replace(LOW, price=free), replace(HIGH, price=free))
    assert engine(forecast((0.0, 0.0), 0.0), arms=arms).decide(ask(), PLAIN).arm == "direct"


def test_waiting_is_paid_for() -> None:
    # 19 s more at 0.01 USD a second: 0.19 USD
    dear = policy(expected_retries=0.0, latency_usd_per_second=0.01)
    decision = decide(forecast((0.1, 0.3)), dear, ask(value_of_success_usd=Usd(0.6)), PLAIN)
    assert decision.arm == "low"
    assert decide(forecast((0.1, 0.3)), dear, ask(value_of_success_usd=Usd(2.0)), PLAIN).arm == "high"


def test_retries_cost_their_share() -> None:
    decision = decide(policy=policy(expected_retries=0.5), runtime_state=PLAIN)
    assert cost(decision, "direct") == pytest.approx(0.0045)
    capped = decide(policy=policy(expected_retries=0.5, limits=CallLimits(retries=0)), runtime_state=PLAIN)
    assert cost(capped, "direct") == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("stated", "task", "tenant", "value"),
    [(None, None, None, 0.5), (None, "maths", None, 3.0), (None, "maths", "acme", 9.0), (0.25, "maths", "acme", 0.25)],
)
def test_the_nearest_word_on_value_counts(
    stated: float | None, task: str | None, tenant: str | None, value: float
) -> None:
    base = policy(value_by_task={"maths": Usd(3.0)})
    acme = replace(base.terms, value_of_success_usd=Usd(9.0), value_by_task={})
    both = replace(base, tenants={"acme": acme})
    request = ask(value_of_success_usd=None if stated is None else Usd(stated), task=task, tenant=tenant)
    assert f"x {value:.2f} USD" in decide(policy=both, request=request).reason


# --- feasibility ----------------------------------------------------------------------------------------------------


def test_a_request_that_cannot_wait_is_not_sent_to_think() -> None:
    much = forecast((0.3, 0.5))
    assert decide(much).arm == "high"
    hurried = decide(much, request=ask(deadline_ms=15_000.0))
    assert (hurried.arm, hurried.bucket) == ("low", "use")
    assert decide(much, request=ask(deadline_ms=3_000.0)).reason.endswith("high can't keep 3000 ms (p95 40000 ms)")


def test_the_policy_sets_a_deadline_where_the_request_has_none() -> None:
    hurried = policy(deadline_ms=15_000.0)
    assert decide(forecast((0.3, 0.5)), hurried).arm == "low"
    assert decide(forecast((0.3, 0.5)), hurried, ask(deadline_ms=90_000.0)).arm == "high"
    assert (
        decide(forecast((0.3, 0.5)), policy(limits=CallLimits(total_ms=15_000)), ask(deadline_ms=90_000.0)).arm == "low"
    )


def test_live_latency_counts_against_the_deadline() -> None:
    slow = RuntimeState(health={"high": ArmHealth(latency_factor=3.0)})
    assert decide(forecast((0.3, 0.5)), request=ask(deadline_ms=60_000.0)).arm == "high"
    assert decide(forecast((0.3, 0.5)), request=ask(deadline_ms=60_000.0), runtime_state=slow).arm == "low"


def test_the_lower_cost_cap_counts() -> None:
    capped = policy(max_cost_usd=Usd(0.02))
    assert decide(forecast((0.3, 0.5)), capped).arm == "low"
    assert decide(forecast((0.3, 0.5)), capped, ask(max_cost_usd=Usd(1.0))).arm == "low"
    assert decide(forecast((0.3, 0.5)), request=ask(max_cost_usd=Usd(0.004))).arm == "direct"
    assert "breaks the cost cap of 0.02 USD" in decide(forecast((0.1, 0.5)), capped, ask()).reason


def test_where_nothing_is_feasible_somebody_still_serves() -> None:
    late = decide(request=ask(deadline_ms=10.0))
    assert (late.arm, late.caps.max_total_ms) == ("direct", 10)
    assert "direct is the fastest that may serve" in late.reason
    dear = decide(request=ask(max_cost_usd=Usd(1e-9)))
    assert dear.arm == "direct"
    assert "direct is the cheapest that may serve" in dear.reason


# --- corners of the monotone rules (docs/adr/0011) ------------------------------------------------------------------


def test_a_deadline_does_not_move_the_bucket_and_so_the_baseline() -> None:
    # `deep` is the only sure arm and makes the bucket `use`; `quick` is unsure, but better and fast. Were the bucket
    # judged over the arms in time, a deadline that forbids `deep` would send the request back to the slow baseline.
    arms = (replace(DIRECT, name="slow"), replace(LOW, name="quick"), replace(HIGH, name="deep"))
    prediction = replace(
        forecast((0.5, 0.2), tokens=(200.0, 800.0, 3000.0)),
        uplift_lower=(-0.1, 0.15),
        latency_p95_ms=(50_000.0, 2_000.0, 100_000.0),
    )
    careful = engine(prediction, policy(maybe="baseline"), arms)
    free, hurried = careful.decide(ask()), careful.decide(ask(deadline_ms=60_000.0))
    assert (free.arm, free.bucket) == ("quick", "use")
    assert (hurried.arm, hurried.bucket) == ("quick", "use")


def test_where_nothing_is_affordable_a_deadline_buys_nothing() -> None:
    # `high` alone is in time. At the old price `direct` is affordable and serves; were time put before cost where
    # nothing is affordable, a dearer price would send the request to think.
    prediction = replace(forecast(), latency_p95_ms=(50_000.0, 60_000.0, 1_000.0))
    request = ask(max_cost_usd=Usd(0.0035), deadline_ms=5_000.0)
    dear = tuple(replace(arm, price=Price(2.0, 20.0)) for arm in ARMS)
    assert engine(prediction).decide(request, PLAIN).arm == "direct"
    assert engine(prediction, arms=dear).decide(request, PLAIN).arm == "direct"


def test_more_value_does_not_bring_in_a_smaller_effort() -> None:
    # At 1 USD only `high` is sure, at 20 USD `low` is too. Were only sure arms compared, `low` would take over.
    prediction = replace(forecast((0.3, 0.2)), uplift_lower=(0.001, 0.1), uplift_upper=(0.4, 0.3))
    careful = engine(prediction, policy(maybe="baseline"))
    arms = [careful.decide(ask(value_of_success_usd=Usd(value)), PLAIN).arm for value in (0.01, 1.0, 20.0)]
    assert arms == ["direct", "low", "low"]


# --- behaviours -----------------------------------------------------------------------------------------------------

UNSURE = forecast((0.005, 0.05), half=0.05)  # high: 0.025 against 0.028 USD


@pytest.mark.parametrize(
    ("behaviour", "uplift", "arm"),
    [("expected", 0.05, "direct"), ("expected", 0.06, "high"), ("baseline", 0.06, "direct"), ("reason", 0.05, "high")],
)
def test_maybe_behaves_as_the_policy_says(behaviour: str, uplift: float, arm: str) -> None:
    prediction = forecast((0.0, uplift), half=0.05)
    decision = decide(prediction, policy(maybe=behaviour, expected_retries=0.0), runtime_state=PLAIN)
    assert (decision.bucket, decision.arm, decision.propensity) == ("maybe", arm, 1.0)


def test_reason_still_takes_the_best_arm_that_thinks() -> None:
    assert decide(forecast((0.02, 0.021), half=0.1), policy(maybe="reason")).arm == "low"


def test_explore_draws_for_its_share_only() -> None:
    exploring = policy(maybe="explore", exploration=Exploration(explore=0.3))
    drawn = [decide(UNSURE, exploring, runtime_state=RuntimeState(uniform=u)) for u in (0.05, 0.15, 0.25, 0.35, 0.99)]
    assert [decision.arm for decision in drawn] == ["direct", "low", "high", "direct", "direct"]
    assert [decision.propensity for decision in drawn] == pytest.approx([0.8, 0.1, 0.1, 0.8, 0.8])
    assert "high was drawn to learn (propensity 0.1)" in drawn[2].reason


@pytest.mark.parametrize(
    ("behaviour", "arm", "fallback"),
    [("baseline", "direct", "baseline"), ("reason", "high", "reason"), ("prior", "direct", "prior")],
)
def test_low_support_behaves_as_the_policy_says(behaviour: str, arm: str, fallback: str) -> None:
    strange = forecast((0.3, 0.5), support=0.0)
    decision = decide(strange, policy(low_support=behaviour), ask("Translate this sentence into German."))
    assert (decision.arm, decision.fallback) == ((arm if behaviour != "reason" else decision.arm), fallback)
    assert decision.arm != "direct" or behaviour != "reason"
    assert "support 0.00 is outside what was learnt" in decision.reason


# --- conversation ---------------------------------------------------------------------------------------------------


def test_an_open_tool_loop_keeps_its_arm() -> None:
    loop = Request((Message("user", "go"), Message("assistant", "", tool_calls=1), Message("tool", "42")))
    for arm in ("direct", "low", "high"):
        session = Session(arm, effort="medium" if arm == "low" else None)
        kept = decide(forecast((0.3, 0.5)), request=loop, runtime_state=RuntimeState(session=session))
        assert (kept.arm, kept.propensity) == (arm, 1.0)
        assert kept.effort == ("medium" if arm == "low" else kept.arm.replace("direct", "none"))
        assert "kept while a tool loop is open" in kept.reason
    known = RuntimeState(session=Session("low", open_tool_loop=True))
    assert decide(forecast((0.3, 0.5)), request=ask(client_effort="high"), runtime_state=known).arm == "low"
    capped = RuntimeState(session=Session("low", "max", open_tool_loop=True))
    assert decide(policy=policy(max_effort="medium"), runtime_state=capped).effort == "medium"
    shed = RuntimeState(session=Session("high", open_tool_loop=True), health={"high": ArmHealth(shed=True)})
    assert decide(runtime_state=shed, request=ask(deadline_ms=1.0)).arm == "high"


def test_an_open_tool_loop_may_change_its_effort_where_protocol_and_policy_allow_it() -> None:
    talk = (Message("user", "go"), Message("assistant", "", tool_calls=1), Message("tool", "42"))
    free, fixed = Request(talk, loop_is_open_to_change=True), Request(talk)
    state = RuntimeState(session=Session("direct"), uniform=0.0)
    allowed = policy(inside_tool_loops="where_allowed", exploration=Exploration(1.0, 1.0, 1.0))
    much = forecast((0.3, 0.5))
    changed = decide(much, allowed, free, state)
    assert (changed.arm, changed.propensity) == ("high", 1.0)
    assert decide(much, allowed, fixed, state).arm == "direct"
    assert decide(much, policy(), free, state).arm == "direct"
    other = (DIRECT, LOW, Arm("big", "n", "high", price=PRICE))
    kept = engine(much, allowed, other).decide(free, state)
    assert kept.arm == "low", "another model never serves inside a loop"


def test_a_tool_loop_of_an_unknown_session_is_not_drawn_for() -> None:
    loop = Request((Message("user", "go"), Message("tool", "42")))
    always = policy(exploration=Exploration(1.0, 1.0, 1.0))
    assert {
        decide(policy=always, request=loop, runtime_state=RuntimeState(uniform=u)).arm for u in (0.1, 0.5, 0.9)
    } == {"high"}
    assert {decide(policy=always, runtime_state=RuntimeState(uniform=u)).arm for u in (0.1, 0.5, 0.9)} == {
        "direct",
        "low",
        "high",
    }


@dataclass(frozen=True)
class ByLength(Fixed):
    """A model that reasons the more, the longer the conversation is."""

    def predict_request(self, request: Request) -> Prediction:
        return forecast((0.0, 0.1 * len(request.messages)), base=0.1)


def test_a_tool_loop_is_not_toggled_though_nobody_remembers_its_session() -> None:
    grown = Engine(ByLength(forecast()))
    asked = (Message("user", "look it up"),)
    loop = (*asked, Message("assistant", "", tool_calls=1), Message("tool", "x" * 9000))
    for cap in (None, Usd(0.035)):
        first = grown.decide(Request(asked, max_cost_usd=cap))
        for messages in (loop, (*loop, Message("assistant", "", tool_calls=1), Message("tool", "y"))):
            assert grown.decide(Request(messages, max_cost_usd=cap)).arm == first.arm
    answered = (*loop, Message("assistant", "It is x."), Message("user", "Thanks, and why is that so?"))
    assert grown.decide(Request(answered)).estimates["high"].success > first.estimates["high"].success


def test_a_session_is_not_drawn_for() -> None:
    always = policy(exploration=Exploration(1.0, 1.0, 1.0))
    kept = decide(policy=always, runtime_state=RuntimeState(uniform=0.01, session=Session("high")))
    assert kept.propensity == 1.0


@pytest.mark.parametrize(
    ("asked", "arm", "effort"),
    [("none", "direct", "none"), ("minimal", "direct", "minimal"), ("medium", "low", "medium"), ("max", "high", "max")],
)
def test_a_clients_own_effort_is_honoured(asked: str, arm: str, effort: str) -> None:
    decision = decide(request=ask(client_effort=asked, deadline_ms=1.0))
    assert (decision.arm, decision.effort, decision.propensity) == (arm, effort, 1.0)
    assert decision.reason.endswith(f"the client asks for effort {asked}")


def test_the_policy_can_cap_or_ignore_a_client() -> None:
    capped = decide(policy=policy(max_effort="medium"), request=ask(client_effort="max"))
    assert (capped.arm, capped.effort) == ("low", "medium")
    assert "the policy allows medium" in capped.reason
    ignored = decide(forecast((0.0, 0.0)), policy(client_effort="ignore"), ask(client_effort="max"))
    assert ignored.arm == "direct"
    poor = decide(policy=policy(max_cost_usd=Usd(0.02)), request=ask(client_effort="max"))
    assert (poor.arm, poor.effort) == ("low", "low")
    shed = RuntimeState(health={"high": ArmHealth(shed=True)})
    assert decide(request=ask(client_effort="max"), runtime_state=shed).arm == "low"


def test_a_client_keeps_its_model_where_it_can() -> None:
    arms = (DIRECT, Arm("other", "n", "high", price=PRICE), HIGH)
    both = engine(forecast(), arms=arms)
    assert both.decide(ask(client_effort="high", model="m")).arm == "high"
    assert both.decide(ask(client_effort="high", model="n")).arm == "other"


def test_changing_the_model_loses_the_prompt_cache() -> None:
    big = Arm("big", "n", "high", price=PRICE)
    both = engine(forecast(), NO_RETRIES, (DIRECT, LOW, big))
    turn = RuntimeState(input_tokens=10_000, session=Session("direct", cached_tokens=8_000))
    cached, fresh = both.decide(ask(), turn), both.decide(ask(), replace(turn, session=None))
    saved = 8_000 * 0.9e-6
    assert cost(fresh, "direct") - cost(cached, "direct") == pytest.approx(saved)
    assert cost(fresh, "low") - cost(cached, "low") == pytest.approx(saved)
    assert cost(fresh, "big") == cost(cached, "big")


def test_changing_the_effort_loses_the_prompt_cache_unless_the_provider_keeps_it() -> None:
    both = engine(forecast(), NO_RETRIES, (DIRECT, LOW, HIGH))
    last = Session("direct", "none", cached_tokens=8_000, cache_kept_by=("direct", "high"))
    cached = both.decide(ask(), RuntimeState(input_tokens=10_000, session=last))
    fresh = both.decide(ask(), RuntimeState(input_tokens=10_000))
    saved = 8_000 * 0.9e-6
    assert cost(fresh, "direct") - cost(cached, "direct") == pytest.approx(saved)
    assert cost(fresh, "high") - cost(cached, "high") == pytest.approx(saved)
    assert cost(fresh, "low") == cost(cached, "low")


def test_a_programs_constant_effort_is_no_choice_where_the_policy_says_so() -> None:
    constant, chosen = ask(client_effort="high", client_default=True), ask(client_effort="high")
    small = forecast((0.0, 0.0))
    assert decide(small, policy(client_effort="default"), constant).arm == "direct"
    assert decide(small, policy(client_effort="default"), chosen).arm == "high"
    assert decide(small, policy(client_effort="honour"), constant).arm == "high"


def test_a_session_sticks_to_its_arm_for_the_switching_cost() -> None:
    sticky = policy(switching_cost_usd=0.05)
    little = forecast((0.0, 0.1), half=0.01)
    assert decide(little, sticky).arm == "high"
    assert decide(little, sticky, runtime_state=RuntimeState(session=Session("direct"))).arm == "direct"
    assert decide(little, sticky, runtime_state=RuntimeState(session=Session("high"))).arm == "high"
    assert (
        "+0.05 USD (switching)" in decide(little, sticky, runtime_state=RuntimeState(session=Session("direct"))).reason
    )


# --- rules, health, caps --------------------------------------------------------------------------------------------


def test_rules_look_at_task_tenant_and_headers() -> None:
    much = forecast((0.3, 0.5))
    rules = (
        Rule(deny=("high",), tasks=("extraction",)),
        Rule(allow=("direct",), headers={"x-priority": "batch"}),
        Rule(deny=("low", "high"), tenants=("frugal",)),
    )
    ruled = policy(rules)
    assert decide(much, ruled).arm == "high"
    assert decide(much, ruled, ask(task="extraction")).arm == "low"
    assert decide(much, ruled, runtime_state=RuntimeState(headers={"x-priority": "batch"})).arm == "direct"
    assert decide(much, ruled, runtime_state=RuntimeState(headers={"x-priority": "fast"})).arm == "high"
    frugal = decide(much, ruled, ask(tenant="frugal"))
    assert (frugal.arm, frugal.bucket) == ("direct", "avoid")
    assert frugal.reason == "the rules leave no arm that thinks"


def test_a_shed_arm_gives_way_and_is_named() -> None:
    shed = RuntimeState(health={"high": ArmHealth(shed=True, why="timeouts 12 % in 5 min")})
    decision = decide(forecast((0.0, 0.5)), runtime_state=shed)
    assert decision.arm == "direct"
    assert "high is shed (timeouts 12 % in 5 min)" in decision.reason
    everyone = RuntimeState(health={arm.name: ArmHealth(shed=True) for arm in ARMS})
    assert decide(forecast((0.3, 0.5)), runtime_state=everyone).arm == "high"


def test_reported_outcomes_shift_success() -> None:
    bad = RuntimeState(health={"high": ArmHealth(success_shift=-0.45)})
    decision = decide(forecast((0.05, 0.39)), runtime_state=bad)
    assert decision.arm == "low"
    assert decision.estimates["high"].success == pytest.approx(0.6 + 0.39 - 0.45)
    worse_baseline = RuntimeState(health={"direct": ArmHealth(success_shift=-0.4)})
    assert decide(forecast((0.0, 0.0)), runtime_state=worse_baseline).arm == "low"


def test_realised_tokens_shift_cost() -> None:
    bloated = RuntimeState(input_tokens=1000, health={"high": ArmHealth(tokens_factor=2.0)})
    assert cost(decide(policy=NO_RETRIES, runtime_state=bloated), "high") == pytest.approx(0.061)


def test_budget_pressure_counts_cost_more() -> None:
    pressed = decide(
        forecast((0.0, 0.1)), NO_RETRIES, runtime_state=RuntimeState(input_tokens=1000, cost_multiplier=3.0)
    )
    assert pressed.arm == "direct"
    assert "0.006 USD x 4.00 (budget)" in pressed.reason
    assert cost(pressed, "high") == pytest.approx(0.031)


def test_caps_come_from_policy_forecast_cost_cap_and_deadline() -> None:
    much = forecast((0.3, 0.5))
    assert decide(much).caps.max_reasoning_tokens == 12_000  # twice the p95 of 6,000
    assert decide(much, policy(limits=CallLimits(reasoning_tokens=5_000))).caps.max_reasoning_tokens == 5_000
    dear = decide(much, request=ask(max_cost_usd=Usd(0.05)), runtime_state=PLAIN)
    assert dear.caps.max_reasoning_tokens == 4_900  # (0.05 - 0.001) USD at 10 USD per million
    tiny = decide(forecast((0.3, 0.5), tokens=(1.0, 2.0, 3.0)))
    assert tiny.caps.max_reasoning_tokens == 1024
    assert decide(much, policy(limits=CallLimits(retries=3)), ask(deadline_ms=45_000.0)).caps.max_retries == 1
    assert decide(much, policy(limits=CallLimits(retries=3)), ask(deadline_ms=39_000.0)).arm == "low"


# --- words ----------------------------------------------------------------------------------------------------------


def test_a_baseline_that_thinks_is_judged_by_what_it_gives_over_the_direct_arm() -> None:
    arms = (HIGH, DIRECT)
    tokens, latency = (3000.0, 200.0), (20000.0, 1000.0)
    for uplift, bucket, arm in ((-0.3, "use", "high"), (-0.001, "avoid", "direct")):
        decision = engine(forecast((uplift,), 0.01, tokens, latency), NO_RETRIES, arms).decide(ask(), PLAIN)
        assert (decision.bucket, decision.arm) == (bucket, arm)
    assert decision.reason == "uplift 0.00 [-0.01, 0.01] x 0.50 USD does not pay 0.028 USD"
