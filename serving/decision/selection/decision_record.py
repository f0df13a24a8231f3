"""Freezes what one decision was made from, without a word of the prompt, so that it can be made again to the bit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from serving.decision.errors import BadInput
from serving.decision.fast_dataclass import quick
from serving.decision.selection.runtime_state import ArmHealth, RuntimeState, Session
from serving.decision.types import Effort, Prediction, Request, Usd

_FOLLOW_UP_CHARS = 48
"""A last turn up to this length, after an answer of the assistant, leans on what was said before."""


@quick
@dataclass(frozen=True, slots=True)
class RequestContext:
    """What the request says beside its words.

    Parameters
    ----------
    task
        As the request states it, or as the model is sure of it.
    tool_loop
        A tool call is open: the mode must not be toggled.
    follow_up
        The last turn is too short to be judged without its conversation.
    """

    model: str | None = None
    tenant: str | None = None
    session_id: str | None = None
    task: str | None = None
    deadline_ms: float | None = None
    value_of_success_usd: Usd | None = None
    max_cost_usd: Usd | None = None
    client_effort: Effort | None = None
    tool_loop: bool = False
    follow_up: bool = False


@quick
@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """Everything `settle` reads beside arms, policy and prices, which it names.

    Parameters
    ----------
    decision_id, bundle_id
        Names.
    now
        Epoch seconds: which prices hold.
    context, situation
        The request's and the world's side; `situation.input_tokens` and `situation.uniform` are filled in.
    prediction
        What the policy read: the model's numbers, already blended with prior knowledge.
    prior_weight
        Share of prior knowledge in `prediction`, in [0, 1].
    cold_start
        No model at all: prior knowledge decides alone.
    policy
        Name and hash of policy and prices.
    """

    decision_id: str
    bundle_id: str
    now: float
    context: RequestContext
    situation: RuntimeState
    prediction: Prediction
    prior_weight: float
    cold_start: bool
    policy: str

    def to_json(self) -> bytes:
        """Write the record; floats keep every bit."""
        return orjson.dumps(self)

    @staticmethod
    def from_json(text: bytes | str) -> DecisionRecord:
        """Read what `to_json` wrote.

        Raises
        ------
        BadInput
            It is something else.
        """
        try:
            raw: dict[str, Any] = orjson.loads(text)
            world = raw.pop("situation")
            session = world.pop("session")
            health = {name: ArmHealth(**figures) for name, figures in world.pop("health").items()}
            situation = RuntimeState(session=Session(**session) if session else None, health=health, **world)
            numbers: dict[str, Any] = {
                name: tuple(v) if isinstance(v, list) else v for name, v in raw.pop("prediction").items()
            }
            return DecisionRecord(
                context=RequestContext(**raw.pop("context")),
                situation=situation,
                prediction=Prediction(**numbers),
                **raw,
            )
        except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError) as fault:
            raise BadInput(f"not a decision record: {fault!r}") from None


def in_tool_loop(request: Request) -> bool:
    """Tell whether a tool call of the assistant is still being worked on.

    Examples
    --------
    >>> from serving.decision.types import Message
    >>> asked = (Message("user", "weather?"), Message("assistant", "", tool_calls=1), Message("tool", "sunny"))
    >>> in_tool_loop(Request(asked)), in_tool_loop(Request((*asked, Message("assistant", "Sunny."))))
    (True, False)
    """
    last = request.messages[-1]
    return last.role == "tool" or (last.role == "assistant" and last.tool_calls > 0)


def is_follow_up(request: Request) -> bool:
    """Tell whether the last user turn can only be judged by its conversation.

    Examples
    --------
    >>> from serving.decision.types import Message
    >>> talk = (Message("user", "Plan the migration."), Message("assistant", "1. ..."), Message("user", "yes, do it"))
    >>> is_follow_up(Request(talk)), is_follow_up(Request(talk[:1]))
    (True, False)
    """
    answered = False
    for message in reversed(request.messages):
        if message.role == "user" and not answered:
            if len(message.text) > _FOLLOW_UP_CHARS or message.images:
                return False
            answered = True
        elif message.role == "assistant" and answered:
            return True
    return False


def before_tools(request: Request) -> Request:
    """Cut off what came after the last user turn; all of it stays where no user speaks."""
    for place in range(len(request.messages) - 1, -1, -1):
        if request.messages[place].role == "user":
            return replace(request, messages=request.messages[: place + 1])
    return request


def context_of(request: Request, task: str | None = None) -> RequestContext:
    """Take what the policy needs from a request; `task` counts where the request states none."""
    return RequestContext(
        model=request.model,
        tenant=request.tenant,
        session_id=request.session_id,
        task=request.task or task,
        deadline_ms=request.deadline_ms,
        value_of_success_usd=request.value_of_success_usd,
        max_cost_usd=request.max_cost_usd,
        client_effort=request.client_effort,
        tool_loop=in_tool_loop(request),
        follow_up=is_follow_up(request),
    )
