"""The synthetic world: the same for everyone, shaped as promised, and refused where it can't be."""

from __future__ import annotations

import numpy as np
import pytest

from serving.decision.errors import BadInput, Unpriced
from serving.decision.types import Arm, Price, Usd
from training.synthetic import DEFAULT_ARMS, LANGUAGES, TASKS, BadWorld, ConceptDrift, PromptSample, World

PRICE = Price(1.0, 8.0, 0.1)
THREE_ARMS = (
    Arm("direct", "any", "none", price=PRICE),
    Arm("brief", "any", "low", price=PRICE),
    Arm("reasoning", "any", "high", price=PRICE),
)


@pytest.fixture(scope="module")
def draws() -> PromptSample:
    return World(seed=11).sample(8192)


def test_same_seed_gives_the_same_world(draws: PromptSample) -> None:
    again = World(seed=11).sample(200)
    first = draws.take(np.arange(200))
    assert again.requests == first.requests
    assert World(seed=11).records(again).equals(World(seed=11).records(first))
    assert World(seed=12).sample(200).requests != again.requests


def test_a_prompt_does_not_depend_on_how_many_are_asked(draws: PromptSample) -> None:
    world = World(seed=11)
    middle = world.sample(50, start=4070)
    assert middle.index.tolist() == list(range(4070, 4120))
    assert middle.requests == draws.requests[4070:4120]
    np.testing.assert_array_equal(middle.truth.cost_usd, draws.truth.cost_usd[4070:4120])
    assert world.records(middle).equals(world.records(draws.take(np.arange(4070, 4120))))


def test_all_tasks_and_languages_occur_at_their_share(draws: PromptSample) -> None:
    for names, shares in (
        (draws.tasks, {task: traits.share for task, traits in TASKS.items()}),
        (draws.languages, dict(LANGUAGES)),
    ):
        total = sum(shares.values())
        for name, share in shares.items():
            expected = share / total
            assert abs((names == name).mean() - expected) < 5 * np.sqrt(expected / len(draws))


def test_uplift_is_not_monotone_in_difficulty(draws: PromptSample) -> None:
    difficulty, uplift = draws.truth.difficulty, draws.uplift[:, 0]
    trivial = uplift[difficulty < -3].mean()
    middle = uplift[(difficulty > 0.5) & (difficulty < 2.5)].mean()
    hopeless = uplift[difficulty > 4.5].mean()
    assert trivial < 0.01
    assert middle > 0.25
    assert hopeless < 0.4 * middle
    assert (uplift < 0).mean() > 0.1  # thinking too long about nothing does harm


def test_more_effort_means_more_tokens_time_and_cost() -> None:
    draws = World(seed=3, arms=THREE_ARMS).sample(500)
    truth = draws.truth
    assert draws.success.shape == (500, 3)
    assert draws.uplift.shape == (500, 2)
    for part in (truth.output_tokens, truth.latency_ms, truth.cost_usd, truth.reasoning_tokens):
        assert (part[:, 1] > part[:, 0]).mean() > 0.95
        assert (part[:, 2] > part[:, 1]).all()
    assert (truth.reasoning_tokens[:, 0] == 0).all()


def test_a_further_arm_leaves_the_others_alone() -> None:
    two, three = World(seed=3, arms=THREE_ARMS[:2]), World(seed=3, arms=THREE_ARMS)
    pair, trio = two.sample(300), three.sample(300)
    assert pair.requests == trio.requests
    kept = three.records(trio).query("arm != 'reasoning'").reset_index(drop=True)
    assert kept.equals(two.records(pair))


def test_follow_ups_hang_on_their_conversation(draws: PromptSample) -> None:
    follow_ups = draws.take(draws.tasks == "follow_up")
    last = [request.messages[-1].text for request in follow_ups.requests]
    assert max(map(len, last)) < 30
    assert all([message.role for message in request.messages[-3:]] == ["user", "assistant", "user"]
               for request in follow_ups.requests)  # fmt: skip
    hard = np.isin(follow_ups.base_tasks.tolist(), ["maths", "planning", "code"])
    easy = np.isin(follow_ups.base_tasks.tolist(), ["rewriting", "formatting"])
    assert follow_ups.uplift[hard].mean() > follow_ups.uplift[easy].mean() + 0.2
    assert (follow_ups.cached_input_tokens > 0).all()


def test_difficulty_knob_and_hidden_knob() -> None:
    hard, easy = World(seed=5, difficulty=1.0).sample(1000), World(seed=5, difficulty=-1.0).sample(1000)
    assert hard.truth.difficulty.mean() > easy.truth.difficulty.mean() + 1.0
    assert np.mean(list(map(len, hard.texts))) > np.mean(list(map(len, easy.texts)))
    open_book = World(seed=5, hidden=0.0).sample(200)
    np.testing.assert_allclose(open_book.success, open_book.expected_success, atol=1e-12)


def test_expected_success_is_the_mean_over_the_hidden_part(draws: PromptSample) -> None:
    gap = draws.success - draws.expected_success
    assert (np.abs(gap.mean(axis=0)) < 5 * gap.std(axis=0) / np.sqrt(len(draws))).all()
    assert gap.std() > 0.05


def test_shift_changes_workload_and_model_after_its_day_only() -> None:
    shift = ConceptDrift(day=14, mix={"maths": 4.0}, gain={"maths": 0.0}, skill={"code": -2.0}, tokens=2.0, latency=3.0)
    calm, shaken = World(seed=9).sample(8192), World(seed=9, shift=shift).sample(8192)
    before, after = shaken.take(~shaken.shifted), shaken.take(shaken.shifted)
    assert before.timestamp.max() < World(seed=9).start + 14 * 86_400 <= after.timestamp.min()
    assert 0.4 < shaken.shifted.mean() < 0.6
    assert (after.tasks == "maths").mean() > 2.5 * (before.tasks == "maths").mean()
    assert before.uplift[before.tasks == "maths"].mean() > 0.25
    assert after.uplift[after.tasks == "maths"].mean() < 0.01
    assert after.success[after.tasks == "code", 0].mean() < before.success[before.tasks == "code", 0].mean() - 0.1
    summaries = [part.take(part.tasks == "summarising").truth for part in (before, after)]
    assert summaries[1].reasoning_tokens[:, 1].mean() > 1.8 * summaries[0].reasoning_tokens[:, 1].mean()
    assert not calm.shifted.any()
    assert World(seed=9).sample(8192).requests == calm.requests


def test_timestamps_lie_in_the_world_s_days(draws: PromptSample) -> None:
    world = World(seed=11)
    days = (draws.timestamp - world.start) / 86_400
    assert days.min() >= 0
    assert days.max() < world.days
    assert len(np.unique(days.astype(int))) == 28


def test_self_hosted_arms_cost_their_time() -> None:
    arms = (Arm("direct", "own", "none", gpu_usd_per_second=Usd(0.001)), Arm("reasoning", "own", "high", price=PRICE))
    truth = World(seed=1, arms=arms).sample(50).truth
    np.testing.assert_allclose(truth.cost_usd[:, 0], truth.latency_ms[:, 0] * 1e-6)


@pytest.mark.parametrize(
    ("make", "cure"),
    [
        (lambda: World(seed=-1), "use 0 or more"),
        (lambda: World(seed=1, arms=DEFAULT_ARMS[:1]), "two or more arms"),
        (lambda: World(seed=1, arms=(DEFAULT_ARMS[0], DEFAULT_ARMS[0])), "different names"),
        (lambda: World(seed=1, mix={"poetry": 1.0}), "known are maths"),
        (lambda: World(seed=1, mix={"maths": 0.0}), "one above 0"),
        (lambda: World(seed=1, languages={"en": -1.0}), "none negative"),
        (lambda: World(seed=1, days=0.0), "days must be above 0"),
        (lambda: ConceptDrift(day=3, gain={"poetry": 2.0}), "known are maths"),
        (lambda: ConceptDrift(day=float("nan")), "finite"),
        (lambda: World(seed=1).sample(0), "n must be 1 or more"),
        (lambda: World(seed=1).records(World(seed=1).sample(1), runs=0), "use 1 or more"),
    ],
)
def test_what_can_not_be_is_refused_with_the_cure(make: object, cure: str) -> None:
    assert callable(make)
    with pytest.raises(BadWorld, match=cure):
        make()


def test_an_unpriced_arm_is_an_error() -> None:
    world = World(seed=1, arms=(DEFAULT_ARMS[0], Arm("reasoning", "no-such-model", "high")))
    with pytest.raises(Unpriced):
        world.sample(1)
    assert issubclass(BadWorld, BadInput)
