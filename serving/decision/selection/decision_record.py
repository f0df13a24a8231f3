"""The complete inputs of one decision, without the prompt, so that it can be replayed to the bit."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import orjson

from serving.decision.errors import BadInput
from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.request_traits import in_tool_loop, is_follow_up
from serving.decision.selection.runtime_state import ArmHealth, RuntimeState, Session
from serving.decision.types import Effort, EffortHistory, Prediction, Request, Usd


@fast_dataclass
class RequestContext:
    """Fields of a request other than its text.

    Parameters
    ----------
    task
        Stated by the request, or predicted with confidence by the model.
    tool_loop
        A tool call is open: the mode must not be toggled.
    follow_up
        The last turn is too short to be judged without the conversation before it.
    client_default
        `client_effort` is what the client's program always sends, not a person's choice.
    loop_is_open_to_change
        The protocol of the call's model allows another effort inside an open tool loop.
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
    client_default: bool = False
    loop_is_open_to_change: bool = False


@fast_dataclass
class DecisionRecord:
    """Everything `decide_from_record` reads except arms, policy and prices, which it identifies by hash.

    Parameters
    ----------
    decision_id, bundle_id
        Identifiers.
    now
        Epoch seconds; selects the prices in force.
    context, runtime_state
        From the request and from the server; `runtime_state.input_tokens` and `runtime_state.uniform` are filled in.
    prediction
        The model's forecast, already blended with prior knowledge.
    prior_weight
        Share of prior knowledge in `prediction`, in [0, 1].
    cold_start
        No trained model: prior knowledge alone decides.
    policy
        Name and hash of policy and prices.
    """

    decision_id: str
    bundle_id: str
    now: float
    context: RequestContext
    runtime_state: RuntimeState
    prediction: Prediction
    prior_weight: float
    cold_start: bool
    policy: str

    def to_json(self) -> bytes:
        """Serialise the record for the journal; floats keep every bit.

        The key `situation` of the journal format holds the runtime state. Fields that the first release did not have
        are left out where they say nothing, so that it can read the record.
        """
        state: dict[str, Any] = _columns(self.runtime_state)
        if self.runtime_state.session is not None:
            state["session"] = _columns(self.runtime_state.session, "cache_kept_by", "effort_history")
        return orjson.dumps(
            {
                "decision_id": self.decision_id,
                "bundle_id": self.bundle_id,
                "now": self.now,
                "context": _columns(self.context, "client_default", "loop_is_open_to_change"),
                "situation": state,
                "prediction": self.prediction,
                "prior_weight": self.prior_weight,
                "cold_start": self.cold_start,
                "policy": self.policy,
            }
        )

    @staticmethod
    def from_json(text: bytes | str) -> DecisionRecord:
        """Parse what `to_json` wrote.

        Raises
        ------
        BadInput
            The text is not a decision record.
        """
        try:
            raw: dict[str, Any] = orjson.loads(text)
            state = raw.pop("situation")
            session = state.pop("session")
            health = {name: ArmHealth(**figures) for name, figures in state.pop("health").items()}
            runtime_state = RuntimeState(session=_session(session) if session else None, health=health, **state)
            numbers: dict[str, Any] = {
                name: tuple(v) if isinstance(v, list) else v for name, v in raw.pop("prediction").items()
            }
            return DecisionRecord(
                context=RequestContext(**raw.pop("context")),
                runtime_state=runtime_state,
                prediction=Prediction(**numbers),
                **raw,
            )
        except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError) as fault:
            raise BadInput(f"not a decision record: {fault!r}") from None


def context_of(request: Request, words: Request | None = None, task: str | None = None) -> RequestContext:
    """Extract what the policy needs from a request.

    Parameters
    ----------
    words
        The request with the user's own words, by which a follow-up is told; None: the request itself.
    task
        Used where the request states none.
    """
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
        follow_up=is_follow_up(words or request),
        client_default=request.client_default,
        loop_is_open_to_change=request.loop_is_open_to_change,
    )


def _columns(value: RequestContext | RuntimeState | Session, *later: str) -> dict[str, Any]:
    """List a value's fields in their order, without those of `later` that are None or False."""
    columns = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: each for name, each in columns.items() if name not in later or each not in (None, False)}


def _session(columns: dict[str, Any]) -> Session:
    kept, history = columns.pop("cache_kept_by", None), columns.pop("effort_history", None)
    return Session(
        cache_kept_by=None if kept is None else tuple(kept),
        effort_history=None
        if history is None
        else EffortHistory(history["base"], tuple((place, effort) for place, effort in history["changes"])),
        **columns,
    )
