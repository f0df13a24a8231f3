"""Chooses the fallback arm without a model: by policy rules, client effort, open tool loops and arm health."""

from __future__ import annotations

import math
from dataclasses import dataclass

from serving.decision import EFFORTS, Arm, Caps, Effort, Fallback, Request
from serving.decision.policy import BoundPolicy, effort_rank
from serving.decision.selection import HEALTHY, Because, RequestContext, RuntimeState, allowed_indices, context_of
from serving.model import LiveEngine

_DEFAULT_TOTAL_MS = 60_000


@dataclass(frozen=True, slots=True)
class FallbackArm:
    """The arm that serves without a model's forecast.

    Parameters
    ----------
    because
        `behaviour`: as it was chosen beforehand; `client` or `tool_loop`: somebody else's word came first.
    """

    arm: Arm
    effort: Effort
    caps: Caps
    because: Because


def choose_fallback(live: LiveEngine, request: Request, runtime_state: RuntimeState, kind: Fallback) -> FallbackArm:
    """Choose the baseline arm, or the one with the highest effort (`reason`).

    An arm that the policy denies is never taken, a mode is not toggled inside an open tool loop, a client's explicit
    effort stands where the policy honours it, and of what is left an arm that is not shed comes first.

    Raises
    ------
    EveryArmDenied
        The rules leave no arm.
    """
    if live.bound_policy is None:
        arm = max(live.arms, key=lambda arm: effort_rank(arm.effort)) if kind == "reason" else live.arms[0]
        return FallbackArm(arm, arm.effort, _caps(arm, arm.effort, request, _DEFAULT_TOTAL_MS, 32_000, 1), "behaviour")
    bound_policy, context = live.bound_policy, context_of(request)
    terms = bound_policy.policy.terms_for(context.tenant)
    left = allowed_indices(context, runtime_state.headers, bound_policy, terms)
    places = [place for place in bound_policy.by_effort if left is None or place in left]
    place, effort, because = _forced(context, runtime_state, bound_policy, places) or _plain(
        runtime_state, bound_policy, places, kind
    )
    limits = terms.limits
    return FallbackArm(
        bound_policy.arms[place],
        effort,
        _caps(bound_policy.arms[place], effort, request, limits.total_ms, limits.reasoning_tokens, limits.retries),
        because,
    )


_Chosen = tuple[int, Effort, Because]


def _forced(
    context: RequestContext, runtime_state: RuntimeState, bound_policy: BoundPolicy, places: list[int]
) -> _Chosen | None:
    terms, session = bound_policy.policy.terms_for(context.tenant), runtime_state.session
    most = effort_rank(terms.max_effort)
    if session is not None and (context.tool_loop or session.open_tool_loop):
        before = bound_policy.index_of(session.arm)
        if before in places:  # without a forecast a loop stays as it is, whatever it may change
            rank = effort_rank(session.effort) if session.effort else bound_policy.ranks[before]
            return before, EFFORTS[min(rank, most)], "tool_loop"
    if context.client_effort is None or terms.client_effort == "ignore":
        return None
    if context.client_default and terms.client_effort == "default":
        return None
    rank = min(effort_rank(context.client_effort), most)
    meant = min(
        places,
        key=lambda place: (abs(bound_policy.ranks[place] - rank), not bound_policy.arms[place].goes_by(context.model)),
    )
    return meant, EFFORTS[rank], "client"


def _plain(runtime_state: RuntimeState, bound_policy: BoundPolicy, places: list[int], kind: Fallback) -> _Chosen:
    sound = [
        place for place in places if not runtime_state.health.get(bound_policy.arms[place].name, HEALTHY).shed
    ] or places
    if kind == "reason":
        place = max(sound, key=lambda place: bound_policy.ranks[place])
    else:
        place = 0 if 0 in sound else min(sound, key=lambda place: bound_policy.ranks[place])
    return place, bound_policy.arms[place].effort, "behaviour"


def _caps(arm: Arm, effort: Effort, request: Request, total_ms: int, reasoning_tokens: int, retries: int) -> Caps:
    if request.deadline_ms is not None:
        total_ms = max(min(total_ms, math.ceil(request.deadline_ms)), 1)
    tokens = 0 if effort == "none" else min(math.ceil(arm.default_output_tokens), reasoning_tokens)
    return Caps(tokens, min(retries, 1), total_ms)
