"""Rewrites a provider's request body to a decided effort: new body, merge patch and JSON patch.

Invariants: a model's capability clamps the effort; a client's explicit effort wins unless policy caps it; inside an
open tool loop nothing is toggled; a parameter that the target does not accept is never sent, nor a combination that
the provider rejects; all other keys stay as they are, and rewriting the result again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from serving.decision.errors import BadRequest
from serving.decision.providers.capabilities import Capability, find_capability
from serving.decision.providers.client_intent import body_in_tool_loop, client_effort, tool_loop_has_thinking
from serving.decision.providers.client_preferences import drop_foreign_forms
from serving.decision.providers.conflicts import find_conflicts
from serving.decision.providers.effort_writers import EffortChange, has_switch, strip_effort, write_effort
from serving.decision.providers.endpoints import Api
from serving.decision.providers.json_patch import Body, Json, PatchOperation, diff_patch, merge_patch
from serving.decision.providers.request_body import ParsedBody
from serving.decision.types import Decision, Effort


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
    """

    max_reasoning_tokens: int | None = None
    override_client: bool = False
    continue_loop: bool = False
    drop_sampling: bool = False


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
        Why the decision was not applied, as a short code for journal and metrics (`client`, `tool_loop`, `no_switch`,
        `unknown_model`, `conflict:temperature` ...); empty where the body asks for what was decided.
    asked_effort
        The effort that the provider is asked for: `effort`, or the model's own default where the body sets none; None
        where that is not known.
    """

    body: Body
    merge: Body
    patch: tuple[PatchOperation, ...]
    model: str
    effort: Effort | None
    note: str
    not_applied: str = ""
    asked_effort: Effort | None = None

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return bool(self.patch)


def apply_decision(
    body: Mapping[str, Json],
    parsed: ParsedBody,
    decision: Decision,
    *,
    continue_loop: bool = False,
    drop_sampling: bool = False,
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
    )
    target = decision.model if "model" in body or parsed.model is None else parsed.model
    return rewrite_effort(body, parsed.api, decision.effort, model=target, options=options)


def rewrite_effort(
    body: Mapping[str, Json],
    api: Api,
    effort: Effort,
    *,
    model: str | None = None,
    options: RewriteOptions | None = None,
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
    changes_model = "model" in old and not same_model(named, target)
    explicit = client_effort(old, api)
    capability = find_capability(target)
    in_loop = body_in_tool_loop(old, api)
    current_model = named if isinstance(named, str) and named else target
    if in_loop and (explicit is not None or not options.continue_loop):
        return _unchanged(old, current_model, explicit, "open tool loop: the mode stays as it is", "tool_loop")
    if in_loop and capability.switch == "anthropic_budget" and effort != "none" and not tool_loop_has_thinking(old):
        return _unchanged(old, current_model, None, "open tool loop: it began without thinking", "tool_loop")
    if explicit is not None and not options.override_client:
        if not changes_model:
            return _unchanged(old, current_model, explicit, "the client's explicit effort stands", "client")
        effort = explicit
    is_explicit = explicit is not None and not options.override_client
    change = EffortChange(capability, capability.clamp(effort), options.max_reasoning_tokens, is_explicit)
    return _write(old, api, target, change, changes_model, options.drop_sampling)


def _write(old: Body, api: Api, target: str, change: EffortChange, changes_model: bool, drop_sampling: bool) -> Rewrite:
    capability = change.capability
    new = _copy_mutable(old)
    # Without a switch nothing is set, so nothing can conflict.
    found = find_conflicts(new, capability, change.effort) if has_switch(capability, api) else ()
    if found and not (drop_sampling and all(conflict.sampling for conflict in found)):
        names = ", ".join(conflict.key for conflict in found)
        named = old.get("model")
        current_model = named if isinstance(named, str) and named else target
        note = f"{capability.family} refuses {names} beside reasoning"
        return _unchanged(old, current_model, client_effort(old, api), note, f"conflict:{found[0].key}")
    for conflict in found:
        del new[conflict.key]
    if changes_model:
        new["model"] = target
        strip_effort(new)
        _rename_limit(new, api, capability)
    elif not change.is_explicit and has_switch(capability, api) and client_effort(old, api) is not None:
        drop_foreign_forms(new)  # the decision replaces what the client stated in other words
    written = write_effort(new, api, change)
    patch = diff_patch(old, new)
    note = "" if written else f"{capability.family} has no reasoning switch at this endpoint"
    note = note or ("" if patch else "nothing to do")
    effort = change.effort if written else None
    reason = "" if written else "no_switch" if capability.is_known else "unknown_model"
    return Rewrite(new, merge_patch(old, new), patch, target, effort, note, reason, _asked(effort, capability))


def same_model(one: Json, other: str) -> bool:
    """Tell whether two names mean the same model, apart from provider prefixes and snapshot dates.

    Examples
    --------
    >>> same_model("gpt-5.1-2025-11-13", "openai/gpt-5.1"), same_model("gpt-5.1", "gpt-5.1-codex")
    (True, False)
    """
    return isinstance(one, str) and (one == other or _base_name(one) == _base_name(other))


def _base_name(model: str) -> str:
    return _SNAPSHOT.sub("", model.rpartition("/")[2]).lower()


_SNAPSHOT = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2})$")


def _rename_limit(body: Body, api: Api, capability: Capability) -> None:
    """Rename the limit on output tokens for a model that accepts the newer name only."""
    if api == "chat" and capability.switch == "openai_effort" and "max_tokens" in body:
        body.setdefault("max_completion_tokens", body["max_tokens"])
        del body["max_tokens"]


def _copy_mutable(body: Body) -> Body:
    """Copy what a writer may modify, two levels deep; all other values are shared."""
    new = dict(body)
    for key, value in body.items():
        if key in _MUTABLE_KEYS and isinstance(value, dict):
            new[key] = {name: dict(inner) if isinstance(inner, dict) else inner for name, inner in value.items()}
    return new


_MUTABLE_KEYS = frozenset(
    {
        "reasoning",
        "thinking",
        "output_config",
        "chat_template_kwargs",
        "generationConfig",
        "generation_config",
        "extra_body",
    }
)


def _unchanged(body: Body, model: str, effort: Effort | None, note: str, not_applied: str) -> Rewrite:
    return Rewrite(body, {}, (), model, effort, note, not_applied, _asked(effort, find_capability(model)))


def _asked(effort: Effort | None, capability: Capability) -> Effort | None:
    """Give the effort that the provider is asked for; a default of unknown amount counts as `high`."""
    if effort is not None or capability.default is None:
        return effort
    return "high" if capability.default == "on" else capability.default
