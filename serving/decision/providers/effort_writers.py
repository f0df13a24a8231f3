"""Writes an effort into a body in the words of its provider: one small writer per switch and endpoint shape.

A writer touches nothing but its own switch and, where hidden tokens count against the client's limit on the answer,
that limit: otherwise the thinking would eat the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.client_intent import BUDGET_TOKENS, Api
from serving.decision.providers.json_patch import Body
from serving.decision.types import Effort

_ANSWER_ROOM = 1024
"""Tokens that are left for the answer itself, whatever the thinking takes."""


@dataclass(frozen=True, slots=True)
class EffortChange:
    """What a writer is asked to set.

    Parameters
    ----------
    effort
        One that the model knows.
    most
        Thinking tokens that it may budget.
    stated
        The client said so itself: off is then written out even where leaving the switch out would do, so that whoever
        reads the result finds the client's word in it.
    """

    known: Capability
    effort: Effort
    most: int | None
    stated: bool = False

    @property
    def budget(self) -> int:
        """Give the thinking budget in tokens, within what the model and the policy's cap allow."""
        low, high = self.known.budgets
        wanted = BUDGET_TOKENS[self.effort] if self.most is None else min(BUDGET_TOKENS[self.effort], self.most)
        return max(low, min(wanted, high)) if high else wanted


def write_effort(body: Body, api: Api, wish: EffortChange) -> bool:
    """Put an effort into `body`, in place; False where this model has no switch at this endpoint."""
    writer = _writer(wish.known, api)
    if writer is None:
        return False
    writer(body, wish)
    return True


def has_switch(known: Capability, api: Api) -> bool:
    """Tell whether a model's effort can be set at this endpoint."""
    return _writer(known, api) is not None


def _writer(known: Capability, api: Api) -> Writer | None:
    switch = "openrouter" if api == "openrouter" and known.switch != "fixed" else known.switch
    return _WRITERS.get((switch, api))


def strip_effort(body: Body) -> None:
    """Take out every reasoning switch, in place: what one model takes, the next one may refuse."""
    for key in ("reasoning_effort", "reasoning", "thinking"):
        body.pop(key, None)
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


def _openai_chat(body: Body, wish: EffortChange) -> None:
    body["reasoning_effort"] = wish.effort
    _make_room(body, wish, "max_completion_tokens")


def _openai_responses(body: Body, wish: EffortChange) -> None:
    child_object(body, "reasoning")["effort"] = wish.effort
    _make_room(body, wish, "max_output_tokens")


def _openrouter(body: Body, wish: EffortChange) -> None:
    reasoning = child_object(body, "reasoning")
    for key in ("enabled", "effort", "max_tokens"):
        reasoning.pop(key, None)
    if wish.effort == "none":
        reasoning["enabled"] = False
    elif wish.most is not None and wish.known.budgets[1]:
        reasoning["max_tokens"] = wish.budget
    else:
        reasoning["effort"] = wish.effort
    _make_room(body, wish, "max_tokens")


def _anthropic_budget(body: Body, wish: EffortChange) -> None:
    if wish.effort == "none":
        body.pop("thinking", None)
        if wish.stated:
            body["thinking"] = {"type": "disabled"}
        return
    limit = _make_room(body, wish, "max_tokens")
    budget = wish.budget if limit is None else min(wish.budget, limit - _ANSWER_ROOM)
    body["thinking"] = {"type": "enabled", "budget_tokens": max(budget, wish.known.budgets[0])}


def _anthropic_adaptive(body: Body, wish: EffortChange) -> None:
    if wish.effort == "none":
        body["thinking"] = {"type": "disabled"}
        output = body.get("output_config")
        if isinstance(output, dict):
            output.pop("effort", None)
            if not output:
                del body["output_config"]
        return
    thinking = child_object(body, "thinking")
    thinking.pop("budget_tokens", None)
    thinking["type"] = "adaptive"
    child_object(body, "output_config")["effort"] = wish.effort
    _make_room(body, wish, "max_tokens")


def _gemini(body: Body, wish: EffortChange) -> None:
    settings = child_object(body, "generationConfig", "generation_config")
    thinking = child_object(settings, "thinkingConfig", "thinking_config")
    # Both at once are refused.
    for key in ("thinkingBudget", "thinking_budget", "thinkingLevel", "thinking_level"):
        thinking.pop(key, None)
    if wish.known.switch == "gemini_level":
        thinking["thinkingLevel"] = wish.effort
    else:
        thinking["thinkingBudget"] = 0 if wish.effort == "none" else wish.budget
    _make_room(settings, wish, "maxOutputTokens", "max_output_tokens")


def _template(key: str, explicit_off: bool) -> Writer:
    def write_argument(body: Body, wish: EffortChange) -> None:
        if wish.effort != "none" or explicit_off or wish.stated:
            child_object(body, "chat_template_kwargs")[key] = wish.effort != "none"
            return
        arguments = body.get("chat_template_kwargs")
        if isinstance(arguments, dict):
            arguments.pop(key, None)
            if not arguments:
                del body["chat_template_kwargs"]

    return write_argument


def _gpt_oss(body: Body, wish: EffortChange) -> None:
    body["reasoning_effort"] = wish.effort


def _thinking_type(body: Body, wish: EffortChange) -> None:
    child_object(body, "thinking")["type"] = "disabled" if wish.effort == "none" else "enabled"


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


def _make_room(body: Body, wish: EffortChange, *names: str) -> int | None:
    """Raise the client's limit on output tokens by the thinking's share, where it leaves no room for an answer.

    Returns
    -------
    int or None
        The limit that holds now; None where the client set none.
    """
    for name in names:
        limit = body.get(name)
        if not isinstance(limit, int) or isinstance(limit, bool):
            continue
        if wish.effort == "none" or limit <= 0 or limit >= wish.budget + _ANSWER_ROOM:
            return limit
        # Never below what the client set, nor above what the model can give.
        raised = max(limit, min(wish.budget + max(limit, _ANSWER_ROOM), wish.known.output_tokens))
        body[name] = raised
        return raised
    return None
