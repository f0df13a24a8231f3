"""Converts between protobuf messages and the kernel's types, with the same checks and problems as JSON gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, get_args

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as Proto

from serving.decision import BadRequest, Decision, Message, Request, Role, from_prompt, require_content
from serving.proto.thinkgate.v1 import decision_pb2 as pb
from serving.schemas import (
    INVALID,
    TOO_LARGE,
    Problem,
    Rejected,
    check_fields,
    invalid_request,
    locate_fault,
    to_request,
)

ProtoMessage = TypeVar("ProtoMessage", bound=Proto)

_ROLES: Final[dict[str, Role]] = {role: role for role in get_args(Role)} | {"function": "tool"}
_OPTIONAL: Final = (
    "prompt",
    "model",
    "tenant",
    "session_id",
    "task",
    "deadline_ms",
    "value_of_success_usd",
    "max_cost_usd",
    "client_effort",
)
_MAX_COUNT: Final = 100_000
_TURN: Final = {"role": "user"}


def message_reader(kind: type[ProtoMessage], max_bytes: int | None = None) -> Callable[[bytes], ProtoMessage | Problem]:
    """Give a parser for one message type; bytes that can't be parsed become a problem, not a transport error.

    Parameters
    ----------
    max_bytes
        Longer messages become a problem, too; None where the transport's own limit is enough.
    """

    def read(raw: bytes) -> ProtoMessage | Problem:
        if max_bytes is not None and len(raw) > max_bytes:
            return Problem(TOO_LARGE, f"the message is larger than {max_bytes} bytes; send the newest turns only")
        try:
            return kind.FromString(raw)
        except DecodeError:
            detail = f"not a {kind.DESCRIPTOR.full_name}: send it as the .proto files describe it, strings in UTF-8"
            return Problem(INVALID, detail)

    return read


def request_from_proto(message: pb.DecideRequest, max_messages: int) -> Request:
    """Read one decision request.

    Parameters
    ----------
    max_messages
        Longest conversation that is read.

    Raises
    ------
    Rejected
        With `invalid-request`; every fault has a pointer and says what to change.
    """
    raw: dict[str, Any] = {name: getattr(message, name) for name in _OPTIONAL if message.HasField(name)}
    raw["tools"] = message.tools
    turns = message.messages
    if turns:
        raw["messages"] = [_TURN] * len(turns)  # their number; what is in them is read below
    wire = check_fields(raw, max_messages)
    try:
        read = from_prompt(wire.prompt) if wire.messages is None else _read_turns(turns)
    except BadRequest as error:
        raise Rejected(invalid_request((locate_fault(str(error), "messages" if turns else "prompt"),))) from None
    return to_request(wire, read)


def decision_to_proto(decision: Decision) -> pb.DecideResponse:
    """Write one decision."""
    estimates = {
        name: pb.ArmEstimate(
            success=arm.success,
            cost_usd=arm.cost_usd,
            latency_p95_ms=arm.latency_p95_ms,
            output_tokens=arm.output_tokens,
        )
        for name, arm in decision.estimates.items()
    }
    caps = decision.caps
    return pb.DecideResponse(
        decision_id=decision.decision_id,
        arm=decision.arm,
        model=decision.model,
        effort=decision.effort,
        bucket=decision.bucket,
        propensity=decision.propensity,
        reason=decision.reason,
        estimates=estimates,
        caps=pb.Caps(
            max_reasoning_tokens=caps.max_reasoning_tokens,
            max_retries=caps.max_retries,
            max_total_ms=caps.max_total_ms,
        ),
        support=decision.support,
        fallback=decision.fallback,
        bundle_id=decision.bundle_id,
        policy=decision.policy,
        elapsed_us=decision.elapsed_us,
    )


def problem_to_proto(problem: Problem) -> pb.Problem:
    """Write one problem."""
    kind = problem.kind
    faults = [pb.Fault(pointer=fault.pointer, detail=fault.detail) for fault in problem.faults]
    return pb.Problem(type=kind.uri, title=kind.title, status=kind.status, detail=problem.detail, errors=faults)


def _read_turns(turns: Iterable[pb.Message]) -> tuple[Message, ...]:
    messages = tuple(_read_turn(turn, place) for place, turn in enumerate(turns))
    require_content(messages)
    return messages


def _read_turn(turn: pb.Message, place: int) -> Message:
    role = _ROLES.get(turn.role)
    if role is None:
        raise BadRequest(f"messages[{place}].role must be one of {', '.join(get_args(Role))}")
    for name in ("images", "tool_calls"):
        if getattr(turn, name) > _MAX_COUNT:
            raise BadRequest(f"messages[{place}].{name} must be at most {_MAX_COUNT}")
    return Message(role, turn.text, turn.images, turn.tool_calls)
