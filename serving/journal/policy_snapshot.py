"""Policy snapshots: arms, policy and prices of one policy version, which replaying a decision needs beside its row."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from serving.decision import Arm, BadInput, Price, ReasoningSwitch
from serving.decision.policy import BoundPolicy, Policy, bind_policy, parse_policy
from serving.decision.pricing import PriceBook


@dataclass(frozen=True, slots=True)
class PolicySnapshotRow:
    """Arms, policy and prices of one version as text.

    Parameters
    ----------
    version
        As named by every decision.
    arms, prices
        JSON; floats round-trip exactly.
    policy
        Text of the policy file; empty for the built-in policy.
    """

    version: str
    arms: str
    policy: str
    prices: str


def snapshot_policy(bound_policy: BoundPolicy, prices: PriceBook) -> PolicySnapshotRow:
    """Serialise a bound policy and its prices."""
    return PolicySnapshotRow(
        version=bound_policy.version,
        arms=orjson.dumps([asdict(arm) for arm in bound_policy.arms]).decode(),
        policy=bound_policy.policy.text,
        prices=prices.to_json().decode(),
    )


def bind_snapshot(row: PolicySnapshotRow) -> BoundPolicy:
    """Bind arms, policy and prices of a snapshot.

    Raises
    ------
    BadInput
        They can't be read, or bind to another version (a policy built in code has no text).
    """
    try:
        arms = [_read_arm(item) for item in orjson.loads(row.arms)]
    except (TypeError, KeyError, orjson.JSONDecodeError) as fault:
        raise BadInput(f"the journal's policy snapshot {row.version} can't be read: {fault!r}") from None
    policy = parse_policy(row.policy, "the journal's policy", arms) if row.policy else Policy()
    bound_policy = bind_policy(arms, policy, PriceBook.from_json(row.prices.encode()))
    if bound_policy.version != row.version:
        raise BadInput(
            f"the journal's policy snapshot {row.version} binds to {bound_policy.version} in this version of thinkgate"
        )
    return bound_policy


def _read_arm(item: dict[str, Any]) -> Arm:
    """Read an arm; what earlier versions did not write keeps its default."""
    price, switch, aliases = item.pop("price"), item.pop("reasoning", None), item.pop("aliases", ())
    return Arm(
        **item,
        price=None if price is None else Price(**price),
        reasoning=None if switch is None else _read_switch(switch),
        aliases=tuple(aliases),
    )


def _read_switch(item: dict[str, Any]) -> ReasoningSwitch:
    return ReasoningSwitch(
        tuple((name, tuple((path, value) for path, value in words)) for name, words in item["states"])
    )
