"""The plan for one body: apply the decided effort, say none in its place, or leave the body alone, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from serving.decision.providers.json_patch import Json
from serving.decision.providers.rules.conflicts import Conflict, find_conflicts
from serving.decision.providers.rules.history import holds_foreign_reasoning, lacks_reasoning
from serving.decision.providers.rules.output_limits import wants_short_answer
from serving.decision.providers.rules.target import Target
from serving.decision.providers.rules.tool_settings import has_hosted_tools
from serving.decision.types import Effort


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How far a plan may go.

    Parameters
    ----------
    drop_sampling
        Sampling settings that the provider refuses may be dropped.
    is_explicit
        The effort is the client's own: it is never replaced by none.
    keeps_session
        The session is known and repeats what it began with: reasoning in its history is the target's own.
    any_limit
        Think whatever the limit on output tokens: the caller sets limits itself.
    """

    drop_sampling: bool = False
    is_explicit: bool = False
    keeps_session: bool = False
    any_limit: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with a body.

    Parameters
    ----------
    effort
        To be written; None: leave the body alone.
    dropped
        Sampling settings to be dropped.
    keeps_limit
        The client's limit on output tokens stays.
    not_applied
        Why the decision is not applied, as a code of `NOT_APPLIED`; empty where it is.
    note
        The same as a sentence.
    """

    effort: Effort | None
    dropped: tuple[str, ...] = ()
    keeps_limit: bool = False
    not_applied: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Obstacle:
    code: str
    note: str
    conflicts: tuple[Conflict, ...] = ()


def make_plan(body: Mapping[str, Json], target: Target, options: PlanOptions, *, has_switch: bool = True) -> Plan:
    """Plan what to do with a body.

    Where the decided effort can't be applied, the body is left alone. It says `none` instead where the limit asks for
    a short answer, or where the provider would refuse the body as it stands, because its model thinks by default.

    Parameters
    ----------
    has_switch
        The model's effort can be set at this endpoint; otherwise only a move is judged.
    """
    if not has_switch:
        return _plan_without_switch(body, target, options)
    target = replace(target, effort=_above_minimal(body, target))
    if not options.any_limit and target.thinks and wants_short_answer(body, target.api):
        return _short_answer(body, target, options)
    found = _find_obstacle(body, target, options)
    if found is None:
        return Plan(target.effort)
    if _may_drop(found, options):
        return Plan(target.effort, tuple(conflict.key for conflict in found.conflicts))
    if found.code in _MENDED_BY_NONE and not options.is_explicit and _refused_as_it_stands(body, target, options):
        return say_none(body, target, options, found.code, found.note)
    return Plan(None, not_applied=found.code, note=found.note)


_MENDED_BY_NONE = ("conflict:tools", "conflict:tool_choice", "history")


def say_none(body: Mapping[str, Json], target: Target, options: PlanOptions, code: str, note: str) -> Plan:
    """Plan to write none in place of the decided effort; to leave the body alone where that can't be."""
    quiet = replace(target, effort="none")
    if target.moves or options.is_explicit or "none" not in target.capability.efforts:
        return Plan(None, not_applied=code, note=note)
    found = _find_obstacle(body, quiet, options)
    if found is None:
        return Plan("none", keeps_limit=True, not_applied=code, note=note)
    if _may_drop(found, options):
        return Plan("none", tuple(conflict.key for conflict in found.conflicts), True, code, note)
    return Plan(None, not_applied=code, note=note)


def _short_answer(body: Mapping[str, Json], target: Target, options: PlanOptions) -> Plan:
    note = "the limit on output tokens asks for a short answer: no room to think"
    if target.effort == target.capability.efforts[0] and not target.moves:
        # The least that the model can do, and no more than its default: written, with the limit as it is.
        found = _find_obstacle(body, target, options)
        if found is None:
            return Plan(target.effort, keeps_limit=True)
        return Plan(None, not_applied=found.code, note=found.note)
    return say_none(body, target, options, "limit", note)


def _plan_without_switch(body: Mapping[str, Json], target: Target, options: PlanOptions) -> Plan:
    if not target.moves:
        return Plan(target.effort)
    capability = target.capability
    default = "high" if capability.default == "on" else capability.default
    assumed = target.effort if capability.switch == "fixed" else default or "none"
    found = _find_obstacle(body, replace(target, effort=assumed), options)
    if found is None:
        return Plan(target.effort)
    if _may_drop(found, options):
        return Plan(target.effort, tuple(conflict.key for conflict in found.conflicts))
    return Plan(None, not_applied=found.code, note=found.note)


def _find_obstacle(body: Mapping[str, Json], target: Target, options: PlanOptions) -> _Obstacle | None:
    family = target.capability.family
    if lacks_reasoning(body, target):
        return _Obstacle("history", f"{family} refuses to think over turns that lack their reasoning")
    if holds_foreign_reasoning(body, target) and not options.keeps_session:
        return _Obstacle("history", "the history holds reasoning that only its own model can read")
    conflicts = find_conflicts(body, target)
    if not conflicts:
        return None
    names = ", ".join(conflict.key for conflict in conflicts)
    beside = "" if target.moves else " beside reasoning" if target.thinks else " without reasoning"
    return _Obstacle(f"conflict:{conflicts[0].key}", f"{family} refuses {names}{beside}", conflicts)


def _may_drop(found: _Obstacle, options: PlanOptions) -> bool:
    return options.drop_sampling and bool(found.conflicts) and all(conflict.sampling for conflict in found.conflicts)


def _refused_as_it_stands(body: Mapping[str, Json], target: Target, options: PlanOptions) -> bool:
    """Tell whether the provider refuses the body without any effort, because its model thinks by default."""
    capability = target.capability
    default: Effort = "high" if capability.default == "on" else capability.default or "none"
    if target.moves or default == "none":
        return False
    if capability.tools_effort == "needs_none":
        return False  # Tools are accepted there as long as no effort is named.
    return _find_obstacle(body, replace(target, effort=default), options) is not None


def _above_minimal(body: Mapping[str, Json], target: Target) -> Effort:
    """Give the least effort that OpenAI's own tools are accepted at (codex 3559)."""
    accepted = target.capability.efforts
    if target.effort == "minimal" and "low" in accepted and has_hosted_tools(body):
        return "low"
    return target.effort
