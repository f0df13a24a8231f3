"""Effort writers: set an effort in a request body, one writer per reasoning switch and endpoint format.

A writer changes nothing but its own switch and, where hidden tokens count against the client's limit on output tokens,
that limit: otherwise thinking would leave no tokens for the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from serving.decision.providers.capabilities import BUDGET_TOKENS, Capability
from serving.decision.providers.client_preferences import drop_foreign_forms
from serving.decision.providers.endpoints import Api
from serving.decision.providers.json_patch import Body
from serving.decision.types import Effort

_ANSWER_TOKENS = 1024
"""Tokens reserved for the answer itself."""


@dataclass(frozen=True, slots=True)
class EffortChange:
    """The effort to write for one model.

    Parameters
    ----------
    effort
        One of `capability.efforts`.
    max_budget_tokens
        Cap on the thinking budget; None for no cap.
    is_explicit
        The client set it: `none` is then written out even where omitting the switch would do, so that the result still
        states the client's choice.
    keeps_limit
        The client's limit on output tokens stays as it is: a label or a title is wanted.
    """

    capability: Capability
    effort: Effort
    max_budget_tokens: int | None
    is_explicit: bool = False
    keeps_limit: bool = False

    @property
    def budget(self) -> int:
        """Thinking budget in tokens, within the range of the model and the policy's cap."""
        low, high = self.capability.budgets
        wanted = BUDGET_TOKENS[self.effort]
        if self.max_budget_tokens is not None:
            wanted = min(wanted, self.max_budget_tokens)
        return max(low, min(wanted, high)) if high else wanted


def write_effort(body: Body, api: Api, change: EffortChange) -> bool:
    """Write an effort into `body`, in place; False where this model has no switch at this endpoint."""
    writer = _writer(change.capability, api)
    if writer is None:
        return False
    writer(body, change)
    return True


def has_switch(capability: Capability, api: Api) -> bool:
    """Tell whether a model's effort can be set at this endpoint."""
    return _writer(capability, api) is not None


def _writer(capability: Capability, api: Api) -> Writer | None:
    switch = "openrouter" if api == "openrouter" and capability.switch != "fixed" else capability.switch
    return _WRITERS.get((switch, api))


def strip_effort(body: Body) -> None:
    """Remove every reasoning switch, in place: what one model accepts, another may reject."""
    for key in ("reasoning_effort", "reasoning", "thinking"):
        body.pop(key, None)
    drop_foreign_forms(body)
    for parent, keys in _NESTED:
        child = body.get(parent)
        if isinstance(child, dict):
            for key in keys:
                child.pop(key, None)
            if not child:
                del body[parent]
    wanted = body.get("include")
    if isinstance(wanted, list):
        body["include"] = [name for name in wanted if not str(name).startswith("reasoning.")]


_NESTED = (
    ("output_config", ("effort",)),
    ("chat_template_kwargs", ("enable_thinking", "thinking")),
    ("generationConfig", ("thinkingConfig", "thinking_config")),
    ("generation_config", ("thinkingConfig", "thinking_config")),
)


def _openai_chat(body: Body, change: EffortChange) -> None:
    body["reasoning_effort"] = change.effort
    _raise_output_limit(body, change, "max_completion_tokens")


def _openai_responses(body: Body, change: EffortChange) -> None:
    child_object(body, "reasoning")["effort"] = change.effort
    _raise_output_limit(body, change, "max_output_tokens")


def _openrouter(body: Body, change: EffortChange) -> None:
    reasoning = child_object(body, "reasoning")
    for key in ("enabled", "effort", "max_tokens"):
        reasoning.pop(key, None)
    if change.effort == "none":
        reasoning["enabled"] = False
    elif change.max_budget_tokens is not None and change.capability.budgets[1]:
        reasoning["max_tokens"] = change.budget
    else:
        reasoning["effort"] = change.effort
    _raise_output_limit(body, change, "max_tokens")


def _anthropic_budget(body: Body, change: EffortChange) -> None:
    if change.effort == "none":
        body.pop("thinking", None)
        if change.is_explicit:
            body["thinking"] = {"type": "disabled"}
        return
    limit = _raise_output_limit(body, change, "max_tokens")
    budget = change.budget if limit is None else min(change.budget, limit - _ANSWER_TOKENS)
    body["thinking"] = {"type": "enabled", "budget_tokens": max(budget, change.capability.budgets[0])}


def _anthropic_adaptive(body: Body, change: EffortChange) -> None:
    if change.effort == "none":
        body["thinking"] = {"type": change.capability.off_word or "disabled"}
        output = body.get("output_config")
        if isinstance(output, dict):
            output.pop("effort", None)
            if not output:
                del body["output_config"]
        return
    thinking = child_object(body, "thinking")
    thinking.pop("budget_tokens", None)
    thinking["type"] = "adaptive"
    child_object(body, "output_config")["effort"] = change.effort
    _raise_output_limit(body, change, "max_tokens")


def _gemini(body: Body, change: EffortChange) -> None:
    settings = child_object(body, "generationConfig", "generation_config")
    thinking = child_object(settings, "thinkingConfig", "thinking_config")
    # The provider rejects both at once.
    for key in ("thinkingBudget", "thinking_budget", "thinkingLevel", "thinking_level"):
        thinking.pop(key, None)
    if change.effort == "none":
        # The provider rejects the wish to see thoughts where there are none.
        for key in ("includeThoughts", "include_thoughts"):
            thinking.pop(key, None)
    if change.capability.switch == "gemini_level":
        thinking["thinkingLevel"] = change.effort
    else:
        thinking["thinkingBudget"] = 0 if change.effort == "none" else change.budget
    _raise_output_limit(settings, change, "maxOutputTokens", "max_output_tokens")


def _template(key: str, explicit_off: bool) -> Writer:
    def write_argument(body: Body, change: EffortChange) -> None:
        if change.effort != "none" or explicit_off or change.is_explicit:
            child_object(body, "chat_template_kwargs")[key] = change.effort != "none"
            return
        arguments = body.get("chat_template_kwargs")
        if isinstance(arguments, dict):
            arguments.pop(key, None)
            if not arguments:
                del body["chat_template_kwargs"]

    return write_argument


def _gpt_oss(body: Body, change: EffortChange) -> None:
    body["reasoning_effort"] = change.effort


def _thinking_type(body: Body, change: EffortChange) -> None:
    child_object(body, "thinking")["type"] = "disabled" if change.effort == "none" else "enabled"


Writer = Callable[[Body, EffortChange], None]
_WRITERS: Mapping[tuple[str, str], Writer] = MappingProxyType(
    {
        ("openai_effort", "chat"): _openai_chat,
        ("openai_effort", "responses"): _openai_responses,
        ("oss_effort", "chat"): _gpt_oss,
        ("oss_effort", "responses"): _openai_responses,
        ("openrouter", "openrouter"): _openrouter,
        ("anthropic_budget", "messages"): _anthropic_budget,
        ("anthropic_adaptive", "messages"): _anthropic_adaptive,
        ("gemini_budget", "gemini"): _gemini,
        ("gemini_level", "gemini"): _gemini,
        ("template_enable_thinking", "chat"): _template("enable_thinking", explicit_off=True),
        ("template_thinking", "chat"): _template("thinking", explicit_off=False),
        ("thinking_type", "chat"): _thinking_type,
    }
)


def child_object(body: Body, *names: str) -> Body:
    """Give the object under the first of `names` that is there; a new one under the first name where none is."""
    name = next((name for name in names if isinstance(body.get(name), dict)), names[0])
    found = body.get(name)
    if not isinstance(found, dict):
        found = {}
        body[name] = found
    return found


def _raise_output_limit(body: Body, change: EffortChange, *names: str) -> int | None:
    """Raise the client's limit on output tokens by the thinking budget, where it leaves no room for an answer.

    Returns
    -------
    int or None
        The limit in effect; None where the client set none.
    """
    for name in names:
        limit = body.get(name)
        if not isinstance(limit, int) or isinstance(limit, bool):
            continue
        if change.effort == "none" or change.keeps_limit or limit <= 0 or limit >= change.budget + _ANSWER_TOKENS:
            return limit
        # Never below the client's limit, nor above the model's maximum.
        raised = max(limit, min(change.budget + max(limit, _ANSWER_TOKENS), change.capability.output_tokens))
        body[name] = raised
        return raised
    return None
