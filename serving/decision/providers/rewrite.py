"""Rewrites a provider's request body to a decided effort: new body, merge patch and JSON patch.

Invariants: a model's capability clamps the effort; a client's explicit effort wins unless policy caps it; inside an
open tool loop nothing is toggled; a parameter that the target does not accept is never sent, nor a combination that
the provider rejects (`serving.decision.providers.rules`); all other keys stay as they are, and rewriting the result
again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace

from serving.decision.errors import BadRequest
from serving.decision.providers.capabilities import Capability
from serving.decision.providers.client_intent import body_in_tool_loop, client_effort, tool_loop_has_thinking
from serving.decision.providers.client_preferences import drop_foreign_forms
from serving.decision.providers.effort_writers import EffortChange, has_switch, strip_effort, write_effort
from serving.decision.providers.endpoints import Api
from serving.decision.providers.inband_effort import (
    continue_history,
    takes_effort_in_band,
    write_changes,
)
from serving.decision.providers.json_patch import Body, Json, PatchOperation, copy_objects, diff_patch, merge_patch
from serving.decision.providers.request_body import ParsedBody
from serving.decision.providers.rules import (
    Plan,
    PlanOptions,
    Target,
    is_chat,
    leaves_room,
    lower_limit,
    make_plan,
    rename_limit,
    say_none,
)
from serving.decision.providers.targets import is_arm_model, same_model, target_capability
from serving.decision.types import Arm, Decision, Effort, EffortHistory


@dataclass(frozen=True, slots=True)
class RewriteOptions:
    """How far a rewrite may go.

    Parameters
    ----------
    max_reasoning_tokens
        Cap on the thinking budget where the provider takes one.
    override_client
        Policy takes precedence over a client's explicit effort.
    continue_loop
        In an open tool loop: the effort is the one that the loop began with, so write it again. Otherwise a body in an
        open loop stays unchanged.
    drop_sampling
        Drop temperature and other sampling parameters that the provider rejects together with reasoning, instead of
        leaving the body unchanged.
    any_limit
        Think however few output tokens the body asks for; otherwise a limit that asks for a label or a title stays, and
        nothing thinks under it.
    effort_history
        Efforts of the session so far, where a change may be made inside the conversation; None where it may not.
    """

    max_reasoning_tokens: int | None = None
    override_client: bool = False
    continue_loop: bool = False
    drop_sampling: bool = False
    any_limit: bool = False
    effort_history: EffortHistory | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Result of a rewrite.

    Parameters
    ----------
    body
        The whole new body; the one passed in is not modified.
    merge
        RFC 7396 merge patch from the old body to the new one.
    patch
        RFC 6902 operations from the old body to the new one.
    model
        The model that the body is now written for; a URL that names another one does not fit it.
    effort
        The effort that the body sets now, clamped to the capability; None where it sets none, so that the model's own
        default applies.
    note
        Why the body is unchanged; empty where it was changed.
    not_applied
        Why the decision was not applied, as a short code of `rules.NOT_APPLIED`, for journal and metrics; empty where
        the body asks for what was decided.
    asked_effort
        The effort that the provider is asked for: `effort`, or the model's own default where the body sets none; None
        where that is not known.
    effort_history
        Efforts of the session after this call, where they can be changed inside the conversation.
    """

    body: Body
    merge: Body
    patch: tuple[PatchOperation, ...]
    model: str
    effort: Effort | None
    note: str
    not_applied: str = ""
    asked_effort: Effort | None = None
    effort_history: EffortHistory | None = None

    @property
    def needs_beta(self) -> bool:
        """Whether Anthropic wants `inband_effort.BETA` in the call's header."""
        return self.effort_history is not None and bool(self.effort_history.changes) and "messages" in self.body

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return bool(self.patch)


@dataclass(frozen=True, slots=True)
class _Current:
    """The body as the client sent it, and what the model that it names takes."""

    body: Body
    api: Api
    model: str
    capability: Capability

    def unchanged(self, note: str, not_applied: str) -> Rewrite:
        """Give the result that leaves the body as it is."""
        effort = client_effort(self.body, self.api)
        return Rewrite(self.body, {}, (), self.model, effort, note, not_applied, _asked(effort, self.capability))


def apply_decision(
    body: Mapping[str, Json],
    parsed: ParsedBody,
    decision: Decision,
    *,
    continue_loop: bool = False,
    drop_sampling: bool = False,
    arm: Arm | None = None,
    effort_history: EffortHistory | None = None,
) -> Rewrite:
    """Apply a decision to a body.

    Parameters
    ----------
    body, parsed
        As the client sent it, and as `parse_body` parsed it.
    decision
        The decision on `parsed.request`.
    continue_loop
        In an open tool loop: the decision repeats the effort that the loop began with, because the session is known.
    drop_sampling
        As in `RewriteOptions`.
    arm
        The decided arm: whose words it speaks, a switch of its own, other names of its model; None where not known.
    effort_history
        As in `RewriteOptions`.

    Returns
    -------
    Rewrite
        The client's explicit effort stays exactly as it was written, unless a decision with estimates (no fallback)
        has another one: then the policy capped it. A model that only the URL names stays: a body can't change it.
    """
    explicit = parsed.request.client_effort
    options = RewriteOptions(
        max_reasoning_tokens=decision.caps.max_reasoning_tokens or None,
        override_client=explicit is not None and explicit != decision.effort and bool(decision.estimates),
        continue_loop=continue_loop,
        drop_sampling=drop_sampling,
        effort_history=effort_history,
    )
    target = decision.model if "model" in body or parsed.model is None else parsed.model
    return rewrite_effort(body, parsed.api, decision.effort, model=target, options=options, arm=arm, host=parsed.host)


def rewrite_effort(
    body: Mapping[str, Json],
    api: Api,
    effort: Effort,
    *,
    model: str | None = None,
    options: RewriteOptions | None = None,
    arm: Arm | None = None,
    host: str = "",
) -> Rewrite:
    """Set the effort in a provider's request body.

    Parameters
    ----------
    body
        As the client sent it.
    api
        Endpoint format.
    effort
        The decided effort.
    model
        Target model; default: the body's own. A different one is written into the body (where the format has a model).
    options
        Limits of the rewrite.
    arm
        The arm that the body is written for, where it is one.
    host
        Who serves the call: one of `HOSTS`; empty where that is not known. An arm that says whose words it speaks goes
        before it.

    Raises
    ------
    BadRequest
        No model is known for the body.
    """
    options = options or RewriteOptions()
    old = dict(body)
    named = old.get("model")
    target = model or (named if isinstance(named, str) else None)
    if not isinstance(target, str) or not target:
        raise BadRequest("the body names no model: send 'model', or name the target's")
    model = named if isinstance(named, str) and named else target
    current = _Current(old, api, model, target_capability(model, api, arm, host))
    moves = "model" in old and not same_model(named, target) and not is_arm_model(named, arm)
    explicit = client_effort(old, api)
    capability = target_capability(target, api, arm, host)
    if not is_chat(old, capability, current.capability):
        return current.unchanged("no chat: images, speech, embeddings and live models stay", "not_a_chat")
    in_loop = body_in_tool_loop(old, api)
    if in_loop and (explicit is not None or not options.continue_loop):
        return current.unchanged("open tool loop: the mode stays as it is", "tool_loop")
    if in_loop and capability.switch == "anthropic_budget" and effort != "none" and not tool_loop_has_thinking(old):
        return current.unchanged("open tool loop: it began without thinking", "tool_loop")
    is_explicit = explicit is not None and not options.override_client
    if is_explicit and not moves:
        return current.unchanged("the client's explicit effort stands", "client")
    wanted = explicit if is_explicit and explicit is not None else effort
    alias_of = arm.known_as if arm is not None and is_arm_model(target, arm) else ""
    aim = Target(capability, target, api, capability.clamp(wanted), moves, alias_of)
    return _write(current, aim, options, is_explicit)


def _write(current: _Current, target: Target, options: RewriteOptions, is_explicit: bool) -> Rewrite:
    old, api, capability = current.body, target.api, target.capability
    switched = has_switch(capability, api)
    limits = PlanOptions(options.drop_sampling, is_explicit, options.continue_loop, options.any_limit)
    plan = make_plan(old, target, limits, has_switch=switched)
    new = _carry_out(old, target, plan, options, is_explicit)
    thinks_more = switched and plan.effort not in (None, "none", capability.efforts[0])
    if thinks_more and not options.any_limit and not leaves_room(new, api):
        note = "the limit on output tokens leaves no room to think, and is not raised at this endpoint"
        plan = say_none(old, target, limits, "limit", note)
        new = _carry_out(old, target, plan, options, is_explicit)
    if plan.effort is None:
        return current.unchanged(plan.note, plan.not_applied)
    history = None
    if not target.moves and not is_explicit and takes_effort_in_band(capability, api):
        before = options.effort_history or EffortHistory(plan.effort)
        history = continue_history(old, api, before, plan.effort)
    if history is not None and history.changes:
        new = _carry_out(old, target, replace(plan, effort=history.base), options, is_explicit)
        write_changes(new, api, history)
    elif plan.effort != "none" and history is None and takes_effort_in_band(capability, api):
        history = EffortHistory(plan.effort)  # the cache is lost, and the session begins anew
    patch = diff_patch(old, new)
    note = plan.note or ("" if switched else f"{capability.family} has no reasoning switch at this endpoint")
    note = note or ("" if patch else "nothing to do")
    effort = plan.effort if switched else None
    code = plan.not_applied or ("" if switched else "no_switch" if capability.is_known else "unknown_model")
    asked = _asked(effort, capability)
    return Rewrite(new, merge_patch(old, new), patch, target.model, effort, note, code, asked, history)


def _carry_out(old: Body, target: Target, plan: Plan, options: RewriteOptions, is_explicit: bool) -> Body:
    """Build the body that a plan describes."""
    if plan.effort is None:
        return old
    own = target.capability.own
    new = copy_objects(old, _MUTABLE_KEYS)
    for key in {path.partition(".")[0] for path in own.paths} & old.keys() if own is not None else ():
        new[key] = deepcopy(old[key])
    for key in plan.dropped:
        new.pop(key, None)
    api, capability = target.api, target.capability
    if target.moves:
        new["model"] = target.model
        strip_effort(new)
        rename_limit(new, api, capability)
        lower_limit(new, target)
    elif own is not None and not is_explicit:
        strip_effort(new)  # whatever else states an effort may contradict the operator's switch
    elif not is_explicit and has_switch(capability, api) and client_effort(old, api) is not None:
        drop_foreign_forms(new)  # the decision replaces what the client stated in other words
    change = EffortChange(capability, plan.effort, options.max_reasoning_tokens, is_explicit, plan.keeps_limit)
    write_effort(new, api, change)
    return new


_MUTABLE_KEYS = frozenset(
    {
        "reasoning",
        "thinking",
        "output_config",
        "chat_template_kwargs",
        "chat_template_args",
        "additionalModelRequestFields",
        "inferenceConfig",
        "generationConfig",
        "generation_config",
        "extra_body",
    }
)


def _asked(effort: Effort | None, capability: Capability) -> Effort | None:
    """Give the effort that the provider is asked for; a default of unknown amount counts as `high`."""
    if effort is not None or capability.default is None:
        return effort
    return "high" if capability.default == "on" else capability.default
