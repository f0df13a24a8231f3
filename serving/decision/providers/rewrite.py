"""Turns an effort into what a provider's request body needs, and nothing else: mutated body, merge body, JSON patch.

Rules that hold everywhere: a model's capability clamps the effort; a client's own explicit effort wins unless policy
caps it; inside an open tool loop nothing is toggled; a parameter that the target does not know is never sent; what
would make the provider refuse the call is not done; whatever the body says besides is left alone, and rewriting the
result again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from serving.decision.errors import BadRequest
from serving.decision.providers.capabilities import Capability, find_capability
from serving.decision.providers.client_intent import Api, body_in_tool_loop, client_effort, loop_thinks
from serving.decision.providers.conflicts import conflicts
from serving.decision.providers.effort_writers import EffortChange, has_switch, strip_effort, write_effort
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
        Policy's word over a client's explicit effort.
    continue_loop
        In an open tool loop: the effort is the one that the loop began with, so write it again. Without it a body in
        an open loop is left alone.
    drop_sampling
        Take out temperature and the like where the provider refuses them beside reasoning, instead of leaving the
        body alone.
    """

    max_reasoning_tokens: int | None = None
    override_client: bool = False
    continue_loop: bool = False
    drop_sampling: bool = False


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A mutated body.

    Parameters
    ----------
    body
        The whole new body; the one passed in is untouched.
    merge
        RFC 7396 merge patch from the old body to the new one.
    patch
        RFC 6902 operations from the old body to the new one.
    model
        Whose words the body speaks now; a URL that names another one does not fit it.
    effort
        What the body asks for now, after the capability's clamp; None where it says nothing, so that the model's own
        default holds.
    note
        Why the body was left alone, empty where it was not.
    """

    body: Body
    merge: Body
    patch: tuple[PatchOperation, ...]
    model: str
    effort: Effort | None
    note: str

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return bool(self.patch)


def apply_decision(
    body: Mapping[str, Json],
    reading: ParsedBody,
    decision: Decision,
    *,
    loop_remembered: bool = False,
    drop_sampling: bool = False,
) -> Rewrite:
    """Make a body ask for what was decided about it.

    Parameters
    ----------
    body, reading
        As the client sent it, and as `read_body` read it.
    decision
        On `reading.request`.
    loop_remembered
        In an open tool loop: the decision repeats what the loop began with, because the session is known.
    drop_sampling
        As in `RewriteOptions`.

    Returns
    -------
    Rewrite
        The client's explicit effort stands exactly as it was written, unless a decision that was weighed (one with
        estimates, so no fallback in its place) names another one: then the policy capped it. A model that only the
        URL names stays, since a body can't change it.
    """
    asked = reading.request.client_effort
    options = RewriteOptions(
        max_reasoning_tokens=decision.caps.max_reasoning_tokens or None,
        override_client=asked is not None and asked != decision.effort and bool(decision.estimates),
        continue_loop=loop_remembered,
        drop_sampling=drop_sampling,
    )
    target = decision.model if "model" in body or reading.model is None else reading.model
    return rewrite_effort(body, reading.api, decision.effort, model=target, options=options)


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
        Shape of the endpoint.
    effort
        Decided by the policy.
    model
        Target model; default: the body's own. A different one is written into the body (where the shape has it).
    options
        How far to go.

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
    moves = "model" in old and not same_model(named, target)
    asked = client_effort(old, api)
    known = find_capability(target)
    loop = body_in_tool_loop(old, api)
    stays = named if isinstance(named, str) and named else target
    if loop and (asked is not None or not options.continue_loop):
        return _left(old, stays, asked, "open tool loop: the mode stays as it is")
    if loop and known.switch == "anthropic_budget" and effort != "none" and not loop_thinks(old):
        return _left(old, stays, None, "open tool loop: it began without thinking")
    if asked is not None and not options.override_client:
        if not moves:
            return _left(old, stays, asked, "the client's explicit effort stands")
        effort = asked
    stated = asked is not None and not options.override_client
    wish = EffortChange(known, known.clamp(effort), options.max_reasoning_tokens, stated)
    return _set(old, api, target, wish, moves, options.drop_sampling)


def _set(old: Body, api: Api, target: str, wish: EffortChange, moves: bool, drop_sampling: bool) -> Rewrite:
    known = wish.known
    new = _copied(old)
    # What can't be switched on breaks nothing.
    clashes = conflicts(new, known, wish.effort) if has_switch(known, api) else ()
    if clashes and not (drop_sampling and all(clash.sampling for clash in clashes)):
        names = ", ".join(clash.key for clash in clashes)
        named = old.get("model")
        stays = named if isinstance(named, str) and named else target
        return _left(old, stays, client_effort(old, api), f"{known.family} refuses {names} beside reasoning")
    for clash in clashes:
        del new[clash.key]
    if moves:
        new["model"] = target
        strip_effort(new)
        _rename_limit(new, api, known)
    written = write_effort(new, api, wish)
    patch = diff_patch(old, new)
    note = "" if written else f"{known.family} has no reasoning switch at this endpoint"
    note = note or ("" if patch else "nothing to do")
    return Rewrite(new, merge_patch(old, new), patch, target, wish.effort if written else None, note)


def same_model(one: Json, other: str) -> bool:
    """Tell whether two names mean the same model: provider prefixes and dates of a snapshot do not matter.

    Examples
    --------
    >>> same_model("gpt-5.1-2025-11-13", "openai/gpt-5.1"), same_model("gpt-5.1", "gpt-5.1-codex")
    (True, False)
    """
    return isinstance(one, str) and (one == other or _bare(one) == _bare(other))


def _bare(model: str) -> str:
    return _SNAPSHOT.sub("", model.rpartition("/")[2]).lower()


_SNAPSHOT = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2})$")


def _rename_limit(body: Body, api: Api, known: Capability) -> None:
    """Carry the limit on output over to a model that knows it under its newer name only."""
    if api == "chat" and known.switch == "openai_effort" and "max_tokens" in body:
        body.setdefault("max_completion_tokens", body["max_tokens"])
        del body["max_tokens"]


def _copied(body: Body) -> Body:
    """Copy what a writer may touch, two levels deep; all else is shared, however large and deep it is."""
    new = dict(body)
    for key, value in body.items():
        if key in _TOUCHED and isinstance(value, dict):
            new[key] = {name: dict(inner) if isinstance(inner, dict) else inner for name, inner in value.items()}
    return new


_TOUCHED = frozenset(
    {"reasoning", "thinking", "output_config", "chat_template_kwargs", "generationConfig", "generation_config"}
)


def _left(body: Body, model: str, effort: Effort | None, note: str) -> Rewrite:
    return Rewrite(body, {}, (), model, effort, note)
