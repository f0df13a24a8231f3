"""Turns an effort into what a provider's request body needs, and nothing else: mutated body, merge body, JSON patch.

Rules that hold everywhere: a model's capability clamps the effort; a client's own explicit effort wins unless policy
caps it; inside an open tool loop nothing is toggled; a parameter that the target does not know is never sent; whatever
the body says besides is left alone, and rewriting the result again changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from serving.decision.capabilities import Capability, capability
from serving.decision.errors import BadRequest
from serving.decision.intent import BUDGET_TOKENS, Api, client_effort, in_tool_loop
from serving.decision.patches import Body, Json, Patch, diff, merge
from serving.decision.types import Effort

_ANSWER_ROOM = 1024
_ANTHROPIC_FLOOR = 1024


@dataclass(frozen=True, slots=True)
class Wish:
    """What a writer is asked to set: an effort that the model knows, and the most thinking tokens it may budget."""

    known: Capability
    effort: Effort
    most: int | None


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
    effort
        What was really set, after the capability's clamp.
    note
        Why the body was left alone, empty where it was not.
    """

    body: Body
    merge: Body
    patch: tuple[Patch, ...]
    effort: Effort
    note: str

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return bool(self.patch)


def rewrite(
    body: Mapping[str, Json],
    api: Api,
    effort: Effort,
    *,
    model: str | None = None,
    max_reasoning_tokens: int | None = None,
    override_client: bool = False,
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
    max_reasoning_tokens
        Cap on the thinking budget where the provider takes one.
    override_client
        Policy's word over a client's explicit effort.

    Raises
    ------
    BadRequest
        No model is known for the body.
    """
    old = dict(body)
    target = model or (old["model"] if isinstance(old.get("model"), str) else None)
    if not isinstance(target, str) or not target:
        raise BadRequest("the body names no model: send 'model', or name the target's")
    known = capability(target)
    asked = client_effort(old, api)
    if in_tool_loop(old, api):
        return Rewrite(old, {}, (), asked or effort, "open tool loop: the mode stays as it is")
    if asked is not None and not override_client:
        effort, note = asked, "the client's explicit effort stands"
        if target == old.get("model") or "model" not in old:
            return Rewrite(old, {}, (), asked, note)
    new = copy.deepcopy(old)
    if "model" in new and new["model"] != target:
        new["model"] = target
        _strip(new)
    set_to = _write(new, api, known, known.clamp(effort), max_reasoning_tokens)
    patch = diff(old, new)
    return Rewrite(new, merge(old, new), patch, set_to, "" if patch else "nothing to change")


def _write(body: Body, api: Api, known: Capability, effort: Effort, most: int | None) -> Effort:
    """Put the clamped effort into the body; returns what was set."""
    if known.switch == "fixed":
        return effort
    if api == "openrouter":
        body["reasoning"] = {"enabled": False} if effort == "none" else {"effort": effort}
        return effort
    writer = _WRITERS.get((known.switch, api))
    if writer is None:
        return effort
    writer(body, Wish(known, effort, most))
    return effort


def _openai_chat(body: Body, wish: Wish) -> None:
    body["reasoning_effort"] = wish.effort


def _openai_responses(body: Body, wish: Wish) -> None:
    _child(body, "reasoning")["effort"] = wish.effort


def _anthropic_budget(body: Body, wish: Wish) -> None:
    if wish.effort == "none":
        body.pop("thinking", None)
        return
    budget = max(_ANTHROPIC_FLOOR, _budget(wish))
    body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    limit = body.get("max_tokens")
    if isinstance(limit, int) and not isinstance(limit, bool) and limit < budget + _ANSWER_ROOM:
        body["max_tokens"] = budget + max(limit, _ANSWER_ROOM)


def _anthropic_adaptive(body: Body, wish: Wish) -> None:
    if wish.effort == "none":
        body["thinking"] = {"type": "disabled"}
        output = body.get("output_config")
        if isinstance(output, dict):
            output.pop("effort", None)
            if not output:
                del body["output_config"]
        return
    body["thinking"] = {"type": "adaptive"}
    _child(body, "output_config")["effort"] = wish.effort


def _gemini_budget(body: Body, wish: Wish) -> None:
    config = _child(_child(body, "generationConfig"), "thinkingConfig")
    config["thinkingBudget"] = 0 if wish.effort == "none" else _budget(wish)


def _gemini_level(body: Body, wish: Wish) -> None:
    _child(_child(body, "generationConfig"), "thinkingConfig")["thinkingLevel"] = wish.effort


def _template(key: str, explicit_off: bool) -> Writer:
    def write(body: Body, wish: Wish) -> None:
        if wish.effort != "none" or explicit_off:
            _child(body, "chat_template_kwargs")[key] = wish.effort != "none"
            return
        arguments = body.get("chat_template_kwargs")
        if isinstance(arguments, dict):
            arguments.pop(key, None)
            if not arguments:
                del body["chat_template_kwargs"]

    return write


def _thinking_type(body: Body, wish: Wish) -> None:
    _child(body, "thinking")["type"] = "disabled" if wish.effort == "none" else "enabled"


Writer = Callable[[Body, Wish], None]
_WRITERS: Mapping[tuple[str, str], Writer] = MappingProxyType(
    {
        ("openai_effort", "chat"): _openai_chat,
        ("openai_effort", "responses"): _openai_responses,
        ("anthropic_budget", "messages"): _anthropic_budget,
        ("anthropic_adaptive", "messages"): _anthropic_adaptive,
        ("gemini_budget", "gemini"): _gemini_budget,
        ("gemini_level", "gemini"): _gemini_level,
        ("template_enable_thinking", "chat"): _template("enable_thinking", explicit_off=True),
        ("template_thinking", "chat"): _template("thinking", explicit_off=False),
        ("thinking_type", "chat"): _thinking_type,
    }
)


def _budget(wish: Wish) -> int:
    low, high = wish.known.budgets
    wanted = BUDGET_TOKENS[wish.effort] if wish.most is None else min(BUDGET_TOKENS[wish.effort], wish.most)
    return max(low, min(wanted, high))


def _child(body: Body, key: str) -> Body:
    child = body.get(key)
    if not isinstance(child, dict):
        child = {}
        body[key] = child
    return child


def _strip(body: Body) -> None:
    """Take out every reasoning switch of the model that the body was written for."""
    for key in ("reasoning_effort", "reasoning", "thinking"):
        body.pop(key, None)
    for parent, keys in _NESTED:
        child = body.get(parent)
        if isinstance(child, dict):
            for key in keys:
                child.pop(key, None)
            if not child:
                del body[parent]


_NESTED = (
    ("output_config", ("effort",)),
    ("chat_template_kwargs", ("enable_thinking", "thinking")),
    ("generationConfig", ("thinkingConfig",)),
)
