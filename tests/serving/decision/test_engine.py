"""The engine: what it asks, fills in and records; blending with prior knowledge; replay; many threads."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from serving.decision.engine import Engine, blend_prior, estimate_input_tokens
from serving.decision.errors import BadArms, BadPolicy, Unpriced
from serving.decision.ids import IdSource
from serving.decision.policy.policy import Exploration, Policy, Rule
from serving.decision.prior.model import PriorModel
from serving.decision.types import Arm, Message, Price, Request, Usd
from tests.support.policy_cases import ARMS, DIRECT, HIGH, NOW, Fixed, ask, decide, engine, forecast, policy


def test_a_decision_carries_all_that_the_contract_names() -> None:
    decision = decide()
    assert (decision.decision_id, decision.bundle_id, decision.support) == ("0" * 25 + "1", "fixed", 0.9)
    assert decision.policy.startswith("default@")
    assert "+genai-prices-" in decision.policy
    assert (decision.model, decision.fallback) == ("m", None)
    assert set(decision.estimates) == {"direct", "low", "high"}


def test_time_is_measured_with_the_given_timer() -> None:
    ticks = iter([5_000, 105_000, 147_000])
    timed = Engine(Fixed(forecast()), timer=lambda: next(ticks)).decide_recorded(ask())
    assert (timed.forecast_us, timed.decision.elapsed_us) == (100, 142)


def test_the_same_clock_ids_and_request_give_the_same_decision() -> None:
    def once() -> list[object]:
        made = Engine(
            Fixed(forecast(half=0.2)),
            policy(exploration=Exploration(0.5, 0.5, 0.5)),
            clock=lambda: NOW,
            ids=IdSource(lambda: NOW, random.Random(5)),
            timer=lambda: 0,
        )
        return [made.decide(ask(f"hello {place}")) for place in range(20)]

    assert once() == once()


def test_the_draw_is_spread_over_ids_and_moved_by_the_seed() -> None:
    def draws(seed: int) -> list[float]:
        made = engine(policy=policy(seed=seed))
        drawn = [made.record(ask()).runtime_state.uniform for _ in range(400)]
        return [uniform for uniform in drawn if uniform is not None]

    one = draws(0)
    assert len(one) == 400
    assert all(0.0 <= uniform < 1.0 for uniform in one)
    assert sum(one) / 400 == pytest.approx(0.5, abs=0.06)
    assert one == draws(0)
    assert one != draws(1)


def test_newer_prices_may_replace_the_models_own_but_not_its_arms() -> None:
    model = Fixed(forecast((0.0, 0.06)))
    assert Engine(model).decide(ask()).arm == "high"
    dearer = tuple(replace(arm, price=Price(1.0, 20.0)) for arm in ARMS)
    assert Engine(model, arms=dearer).decide(ask()).arm == "direct"
    with pytest.raises(BadArms, match="the model knows direct, low, high"):
        Engine(model, arms=(DIRECT, HIGH))


def test_what_does_not_fit_is_refused_at_the_start() -> None:
    with pytest.raises(BadPolicy, match="line 7, rule: 'hgih' is not an arm"):
        engine(policy=policy((Rule(deny=("hgih",), line=7),)))
    with pytest.raises(Unpriced, match="arm 'own'"):
        engine(forecast((0.1,)), arms=(DIRECT, Arm("own", "nobody-sells-this")))
    frugal = Policy(tenants={"acme": policy(max_effort="none").terms})
    with pytest.raises(BadPolicy, match=r"tenant\.acme\.max_effort"):
        engine(forecast((0.1,)), frugal, (ARMS[1], HIGH))
    with pytest.raises(BadArms, match="at least two"):
        engine(arms=(DIRECT,))


def test_a_task_the_model_is_sure_of_counts_where_the_request_states_none() -> None:
    valued = policy(value_by_task={"maths": Usd(7.0)})
    for sure, value in ((0.6, "7.00"), (0.4, "0.50")):
        prediction = replace(forecast(), task_probabilities=(sure, 1 - sure, 0.0) if sure > 0.5 else (sure, 0.3, 0.3))
        model = replace(Fixed(prediction), tasks=("maths", "code", "trivia"))
        assert f"x {value} USD" in Engine(model, valued).decide(ask()).reason
    assert "x 0.50 USD" in Engine(model, valued).decide(ask(task="code")).reason


def test_prior_knowledge_fades_as_support_grows() -> None:
    weights = []
    fading = policy(min_support=0.2, full_support=0.5)
    for support in (0.0, 0.1, 0.25, 0.4, 0.5, 0.9):
        record = engine(forecast((0.4, 0.5), support=support), fading).record(
            ask("Summarize this article in one sentence.")
        )
        weights.append(record.prior_weight)
        assert record.prediction.support == support
        assert record.prediction.output_tokens_mean == forecast().output_tokens_mean
    assert weights == pytest.approx([1.0, 0.8, 0.5, 0.2, 0.0, 0.0])
    assert decide(forecast((0.4, 0.5), support=0.0), request=ask("Summarize this article.")).arm == "direct"
    assert decide(forecast((0.4, 0.5), support=0.5), request=ask("Summarize this article.")).arm == "high"
    assert "20% prior knowledge at support 0.40" in decide(forecast(support=0.4), fading).reason


TITLE = Request(
    (
        Message("system", "Generate a short title for this conversation. Return ONLY the title."),
        Message("user", "User: Prove that there are infinitely many primes."),
    )
)


def test_calls_that_a_tool_makes_on_its_own_behalf_are_the_priors() -> None:
    record = engine(forecast((0.3, 0.4))).record(TITLE)
    assert record.context.task == "title_generation"
    assert (record.prior_weight, record.prediction.uplift) == (1.0, (0.0, 0.0))
    decision = decide(forecast((0.3, 0.4)), request=TITLE)
    assert (decision.arm, decision.bucket, decision.support) == ("direct", "avoid", 0.9)
    # What the caller states and what a model has learnt of such calls come first.
    assert decide(forecast((0.3, 0.4)), request=replace(TITLE, task="maths")).arm == "high"
    learnt = replace(Fixed(forecast((0.3, 0.4))), tasks=("title_generation", "maths"))
    assert Engine(learnt).decide(TITLE).arm == "high"
    assert Engine(learnt).record(TITLE).context.task == "title_generation"


def test_a_probe_is_known_by_its_limit() -> None:
    assert decide(forecast((0.3, 0.4)), request=ask("Hi", max_output_tokens=1)).arm == "direct"
    assert decide(forecast((0.3, 0.4)), request=ask("Hi", max_output_tokens=900)).arm == "high"


def test_a_follow_up_is_told_by_the_users_words() -> None:
    reminder = f"<system-reminder>{'Mind the rules. ' * 500}</system-reminder>"
    talk = (
        Message("user", "Plan the move."),
        Message("assistant", "1. ..."),
        Message("user", f"{reminder}\nyes, do it"),
    )
    record = engine().record(Request(talk))
    assert record.context.follow_up
    # The provider is sent, and paid for, the whole text.
    assert record.runtime_state.input_tokens is not None
    assert record.runtime_state.input_tokens > len(reminder) / 4


def test_the_prior_reads_the_users_words() -> None:
    reminder = f"<system-reminder>{'Summarize what you did. ' * 300}</system-reminder>"
    asks = ("hi", "Prove by induction that 1 + 2 + ... + n = n(n+1)/2.")
    bare, reminded = (
        [engine(forecast(support=0.0)).record(ask(f"{front}{text}")).prediction.uplift for text in asks]
        for front in ("", reminder)
    )
    assert bare == reminded
    assert bare[0] < bare[1]


def test_a_blend_lies_between_its_parts() -> None:
    ours, theirs = forecast((0.1, 0.2)), forecast((0.3, 0.0), half=0.1, tokens=(1.0, 1.0, 1.0))
    mixed = blend_prior(ours, theirs, 0.25)
    assert mixed.uplift == pytest.approx((0.15, 0.15))
    assert mixed.uplift_lower == pytest.approx((0.11, 0.11))
    assert mixed.output_tokens_mean == ours.output_tokens_mean
    assert blend_prior(ours, theirs, 0.0) == ours


def test_a_cold_start_decides_from_prior_knowledge_alone() -> None:
    cold = Engine(PriorModel(ARMS), policy(low_support="baseline"))
    hard = cold.decide(ask("Prove that there are infinitely many primes."))
    assert (hard.arm, hard.bucket, hard.fallback, hard.bundle_id) == ("high", "use", "prior", "prior")
    assert "cold start" in hard.reason
    easy = cold.decide(ask("Translate to Spanish: good morning"))
    assert (easy.arm, easy.bucket) == ("direct", "avoid")


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("", 4, 4),
        ("word " * 400, 400, 600),
        ("Der Zug fährt um acht Uhr ab. " * 20, 100, 220),
        ("求解方程。" * 60, 180, 330),
    ],
)
def test_prompt_tokens_are_estimated(text: str, low: int, high: int) -> None:
    assert low <= estimate_input_tokens(Request((Message("user", text),))) <= high


def test_images_and_tools_count_as_prompt_tokens() -> None:
    plain = estimate_input_tokens(ask())
    assert estimate_input_tokens(ask(tools=3)) == plain + 360
    assert estimate_input_tokens(Request((Message("user", "hello", images=2),))) == plain + 2000


def test_lone_surrogates_do_not_stop_a_decision() -> None:
    assert decide(request=ask("a\ud800b")).arm


def test_one_engine_serves_many_threads() -> None:
    made = Engine(Fixed(forecast()), policy(exploration=Exploration(0.5, 0.5, 0.5)))
    with ThreadPoolExecutor(4) as pool:
        decisions = list(pool.map(lambda _: made.decide(ask()), range(400)))
    assert len({decision.decision_id for decision in decisions}) == 400
