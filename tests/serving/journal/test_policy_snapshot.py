"""Policy snapshot: arms, policy text and prices that bind to the version they were stored under."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from serving.decision.errors import BadInput
from serving.decision.policy.bound_policy import bind_policy
from serving.decision.policy.policy import Policy
from serving.decision.policy.policy_file import parse_policy
from serving.decision.pricing.price_book import price_book
from serving.decision.types import Arm, Price, ReasoningSwitch, Usd
from serving.journal.policy_snapshot import bind_snapshot, snapshot_policy

ARMS = (
    Arm("direct", "gpt-5.1"),
    Arm("priced", "own", "high", price=Price(0.1, 1.0 / 3.0, 0.01)),
    Arm("hosted", "llama", gpu_usd_per_second=Usd(0.0007)),
    Arm(
        "own",
        "chat-prod",
        speaks="vllm",
        reasoning=ReasoningSwitch((("off", ()), ("on", (("a.b", True), ("c", 3))))),
        stands_for="gpt-5.1",
        aliases=("chat-eu", "gpt-5.1"),
    ),
)
PRICES = price_book(ARMS)
TEXT = "value_of_success_usd = 0.25\n"


def test_a_snapshot_binds_to_the_same_policy() -> None:
    for policy in (Policy(), parse_policy(TEXT, "policy.toml", ARMS)):
        bound = bind_policy(ARMS, policy, PRICES)
        row = snapshot_policy(bound, PRICES)
        again = bind_snapshot(row)
        assert (row.version, again.version) == (bound.version, bound.version)
        assert again.arms == bound.arms
        assert again.policy == bound.policy


def test_a_snapshot_of_an_earlier_version_is_read() -> None:
    row = snapshot_policy(bind_policy(ARMS[:3], Policy(), price_book(ARMS[:3])), price_book(ARMS[:3]))
    arms = [
        {name: value for name, value in arm.items() if name not in ("speaks", "reasoning", "stands_for", "aliases")}
        for arm in json.loads(row.arms)
    ]
    assert bind_snapshot(replace(row, arms=json.dumps(arms))).arms == ARMS[:3]


@pytest.mark.parametrize("arms", ["{}", "[]", "not json", '[{"name": "direct"}]', "null"])
def test_arms_that_cannot_be_read_are_refused(arms: str) -> None:
    row = snapshot_policy(bind_policy(ARMS, Policy(), PRICES), PRICES)
    with pytest.raises(BadInput):
        bind_snapshot(replace(row, arms=arms))


def test_a_snapshot_that_binds_to_another_version_is_refused() -> None:
    row = snapshot_policy(bind_policy(ARMS, parse_policy(TEXT, "policy.toml", ARMS), PRICES), PRICES)
    with pytest.raises(BadInput, match=re.escape(row.version)):
        bind_snapshot(replace(row, policy=TEXT.replace("0.25", "0.5")))


def test_a_policy_made_in_code_has_no_text_to_bind() -> None:
    made = replace(parse_policy(TEXT, "policy.toml", ARMS), text="")
    with pytest.raises(BadInput):
        bind_snapshot(snapshot_policy(bind_policy(ARMS, made, PRICES), PRICES))
