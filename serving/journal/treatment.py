"""Treatment of a journalled call: the arm that it really amounts to, and the propensity that this arm then has.

A drawn arm that was not applied is no draw of that arm. A gateway knows what each arm would have come to, so its row
holds the exact propensity of what was applied. A caller that reports another effort than was decided tells nothing of
the arms that were not drawn: its call counts where the other arm could not have been drawn, and is left out otherwise,
for the draws of that arm already stand for such calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import orjson

from serving.decision import Arm
from serving.decision.providers import Api, is_arm_model, same_model, target_capability
from serving.journal.policy_snapshot import bind_snapshot
from serving.journal.rows import DecisionRow, JournalEntry, OutcomeRow
from serving.journal.store import Store

ArmsOfPolicy = Callable[[str], Sequence[Arm]]
"""Gives the arms that were served under a policy version; none where they are not known."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a journalled call amounts to.

    Parameters
    ----------
    arm
        None where the call is of no arm, or nobody knows what was asked of the provider.
    model
        That was asked for.
    propensity
        Probability, in (0, 1], of this arm for this request; 1 where `arm` is None.
    why_not
        Why there is no arm, in words for a count of rows left out; empty where there is one.
    """

    arm: str | None
    model: str
    propensity: float
    why_not: str = ""


def no_arms(_version: str) -> Sequence[Arm]:
    """Know no arms: for journals whose outcomes never report an effort."""
    return ()


def journalled_arms(store: Store) -> ArmsOfPolicy:
    """Read the arms of a policy version from a journal, once for each version."""

    @cache
    def arms(version: str) -> Sequence[Arm]:
        row = store.policy_snapshot(version)
        return () if row is None else bind_snapshot(row).arms

    return arms


def treatment_of(entry: JournalEntry, arms: ArmsOfPolicy = no_arms) -> Treatment:
    """Tell which arm a call amounts to.

    A row without any word on what was applied was served as decided, as all rows of earlier versions are.

    Parameters
    ----------
    arms
        Needed where an outcome reports another effort or model than was decided.
    """
    decision, outcome = entry.decision, entry.outcome
    if outcome is not None and (outcome.applied_effort is not None or outcome.applied_model is not None):
        return _reported(decision, outcome, arms(decision.policy))
    if not decision.is_reported_by_gateway:
        return Treatment(decision.arm, decision.model, decision.propensity)
    model = decision.applied_model or decision.model
    if decision.applied_arm is None or decision.applied_propensity is None:
        return Treatment(None, model, 1.0, _no_arm(decision.not_applied, decision.applied_effort))
    return Treatment(decision.applied_arm, model, decision.applied_propensity)


def find_arm(
    arms: Sequence[Arm],
    model: str | None,
    effort: str | None,
    first: str = "",
    api: Api = "chat",
    host: str = "",
) -> Arm | None:
    """Find the arm of a model and an effort: its own, or the nearest that its model takes; None where none is.

    Parameters
    ----------
    first
        Name of the arm that is preferred where several amount to the same.
    api, host
        Endpoint format and host of the call, as far as they are known.

    Examples
    --------
    >>> arms = (Arm("direct", "gpt-5.1"), Arm("reasoning", "gpt-5.1", "high"))
    >>> found = find_arm(arms, "openai/gpt-5.1", "none")
    >>> found and found.name, find_arm(arms, "gpt-5.1", "medium"), find_arm(arms, "gpt-5.1", None)
    ('direct', None, None)
    """
    if model is None or effort is None:
        return None
    for arm in sorted(arms, key=lambda arm: arm.name != first):
        if is_arm_model(model, arm):
            taken = target_capability(arm.model, api, arm, host).clamp(arm.effort)
            if effort in (arm.effort, taken):
                return arm
    return None


def _reported(decision: DecisionRow, outcome: OutcomeRow, arms: Sequence[Arm]) -> Treatment:
    """Read a treatment off a report; the caller's word counts more than the row's."""
    model = outcome.applied_model or decision.applied_model or decision.model
    effort = outcome.applied_effort or decision.applied_effort or decision.effort
    if effort == decision.effort and same_model(decision.model, model):
        return Treatment(decision.arm, model, decision.propensity)
    arm = find_arm(arms, model, effort, decision.arm)
    if arm is None:
        return Treatment(None, model, 1.0, _no_arm("reported", effort))
    if arm.name != decision.arm and _chance(decision, arm.name) > 0.0:
        return Treatment(None, model, 1.0, _ANOTHER)
    return Treatment(arm.name, model, decision.propensity)


def _chance(decision: DecisionRow, arm: str) -> float:
    """Give the probability of another arm in the draw; at worst, all that the chosen one leaves."""
    if decision.propensities is None:
        return 1.0 - decision.propensity
    return float(orjson.loads(decision.propensities).get(arm, 0.0))


def _no_arm(reason: str | None, effort: str | None) -> str:
    code = reason or "as decided"
    if effort is None:
        return f"not applied ({code}), and what the provider was asked for is not known"
    return f"no arm asks for what was applied ({code}: effort {effort})"


_ANOTHER: Final = "another effort was applied than was drawn, so its propensity is not known"
