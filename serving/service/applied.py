"""Tells what became of a decision in a provider's body: what the provider is asked for, and which arm that is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from serving.decision import Applied, Arm, Decision, EffortHistory, Integration, RecordedDecision, ThinkgateError
from serving.decision.providers import ParsedBody, Rewrite, is_arm_model, same_model, target_capability
from serving.decision.selection import may_change_in_loop
from serving.journal import find_arm
from serving.service.decision_service import DecisionService, Headers
from serving.service.error_problems import error_location

logger = logging.getLogger("thinkgate.applied")

Apply = Callable[[Decision, Arm | None], Rewrite]
"""Rewrites a body by a decision for an arm; the arm is None where it is not known."""
FAILED: Final = "failed"
"""Code of a decision whose rewrite failed."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """One rewrite of a provider's body, and how it would have gone with another decision.

    Parameters
    ----------
    parsed
        The body, as it was read.
    decided, rewritten
        The decision that was made, and what it made of the body.
    apply
        Rewrites the same body by any decision for any arm.
    """

    parsed: ParsedBody
    decided: RecordedDecision
    rewritten: Rewrite
    integration: Integration
    apply: Apply


def continues_loop(service: DecisionService, decided: RecordedDecision) -> bool:
    """Tell whether an open tool loop may be written to: at the effort it began with, or at another where that is free.

    The session says what the loop began with; where it is not known, a body in an open loop stays as it is.
    """
    record, bound_policy = decided.record, service.slot.live.bound_policy
    if record is None or record.runtime_state.session is None:
        return False
    if record.runtime_state.session.arm == decided.decision.arm:
        return True
    if bound_policy is None or not record.context.tool_loop:
        return False
    terms = bound_policy.policy.terms_for(record.context.tenant)
    return may_change_in_loop(record.context.loop_is_open_to_change, terms)


def effort_history_of(decided: RecordedDecision) -> EffortHistory | None:
    """Give the efforts of the session so far, where the call can change them inside the conversation."""
    session = None if decided.record is None else decided.record.runtime_state.session
    return None if session is None else session.effort_history


def rewrite_decided(
    service: DecisionService,
    parsed: ParsedBody,
    decided: RecordedDecision,
    integration: Integration,
    apply: Apply,
) -> Rewriting:
    """Rewrite a body by a decision that `DecisionService.answer` gave; the caller owes a `notify_rewritten`.

    Parameters
    ----------
    apply
        Rewrites the body by a decision. Where it raises, the sinks hear of a decision that was not applied, and the
        caller gets the error.
    """
    try:
        return Rewriting(parsed, decided, apply(decided.decision, decided.arm), integration, apply)
    except Exception:
        service.notify(parsed.request, decided, (), Applied(None, None, FAILED, integration=integration))
        raise


def notify_rewritten(service: DecisionService, rewriting: Rewriting, headers: Headers = ()) -> None:
    """Describe what a rewrite applied, and notify all sinks; never raises."""
    try:
        applied = describe_applied(rewriting, service.slot.live.arms)
    except Exception as error:  # what is not known must not keep the decision out of the journal
        logger.error("what was applied is not known: %s", error_location(error))
        applied = Applied(None, None, FAILED, integration=rewriting.integration)
    service.notify(rewriting.parsed.request, rewriting.decided, headers, applied)


@contextmanager
def counting_unread(service: DecisionService, integration: Integration) -> Iterator[None]:
    """Count a body that can't be read, while it is read; the error goes on."""
    try:
        yield
    except ThinkgateError:
        service.pass_over("body_unread", integration)
        raise


def describe_applied(rewriting: Rewriting, arms: Sequence[Arm]) -> Applied:
    """Describe what was applied.

    Where chance had a part in the decision, the body is rewritten for every other arm that could have been drawn: the
    propensity of what was applied is the sum over all arms that come to the same model and effort. So a client's
    temperature that keeps every arm from reasoning makes the applied arm certain.

    Parameters
    ----------
    arms
        That are served now; those of another model's decision don't fit, and then only what was decided is known.
    """
    decided, rewritten, parsed = rewriting.decided, rewriting.rewritten, rewriting.parsed
    fitting = {arm.name: arm for arm in arms} if _are_decided_on(arms, decided.decision) else {}
    effort, reason = rewritten.asked_effort, _why_not(rewriting)
    served = decided.arm or fitting.get(decided.decision.arm)
    if reason or (served is not None and served.effort != decided.decision.effort):
        first = decided.decision.arm
        served = find_arm(tuple(fitting.values()), rewritten.model, effort, first, parsed.api, parsed.host)
        if served is None:
            return Applied(rewritten.model, effort, reason, None, None, rewriting.integration, rewritten.effort_history)
    name = decided.decision.arm if served is None else served.name
    chance = decided.decision.propensity if served is None else _chance(rewriting, fitting, served)
    return Applied(rewritten.model, effort, reason, name, chance, rewriting.integration, rewritten.effort_history)


def _are_decided_on(arms: Sequence[Arm], decision: Decision) -> bool:
    names = [arm.name for arm in arms]
    return names == list(decision.estimates) if decision.estimates else decision.arm in names


def _why_not(rewriting: Rewriting) -> str:
    """Give the reason why the call does not ask for what was decided; empty where it does, whoever asked for it."""
    decision, rewritten, parsed = rewriting.decided.decision, rewriting.rewritten, rewriting.parsed
    arm = rewriting.decided.arm
    if not same_model(rewritten.model, decision.model) and not is_arm_model(rewritten.model, arm):
        return rewritten.not_applied or "url_model"
    taken = target_capability(decision.model, parsed.api, arm, parsed.host).clamp(decision.effort)
    if rewritten.asked_effort in (decision.effort, taken):
        return ""
    if rewritten.not_applied:
        return rewritten.not_applied
    return "client" if parsed.request.client_effort is not None else ""


def _chance(rewriting: Rewriting, arms: dict[str, Arm], served: Arm) -> float:
    """Sum the probabilities of all arms that come to the same treatment."""
    decision, effort = rewriting.decided.decision, rewriting.rewritten.asked_effort
    drawn = zip(decision.estimates, rewriting.decided.propensities, strict=False)
    others = [(arms[name], chance) for name, chance in drawn if name != decision.arm and chance > 0.0 and name in arms]
    total = decision.propensity
    for arm, chance in others:
        other = rewriting.apply(replace(decision, arm=arm.name, model=arm.model, effort=arm.effort), arm)
        if other.asked_effort == effort and is_arm_model(other.model, served):
            total += chance
    return min(total, 1.0)
