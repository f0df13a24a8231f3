"""JSON codec of decisions: parses and validates requests, serialises answers; strict fields, lenient about Unicode."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from serving.decision import BadRequest, Decision, Message, Request, Usd, from_prompt, parse_messages
from serving.schemas.models import BatchRequest, DecisionRequest
from serving.schemas.problems import INVALID, NOT_JSON, BodyFault, Problem, Rejected

MAX_FAULTS: Final = 20
"""Most faults listed in one problem."""

_check_decision = DecisionRequest.__pydantic_validator__.validate_python
_check_batch = BatchRequest.__pydantic_validator__.validate_python
_LOCATION: Final = re.compile(r"(?:prompt|messages)(?:\.\w+|\[\d+\])*")
_STEP: Final = re.compile(r"\w+")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def parse_json(body: bytes | bytearray) -> Any:
    """Parse a JSON body.

    Lone surrogates, escaped or raw, become U+FFFD and a byte order mark is skipped; NaN, infinities, numbers beyond
    a double and nesting deeper than about a thousand levels are rejected.

    Raises
    ------
    Rejected
        With `not-json` and the position of the fault.

    Examples
    --------
    >>> parse_json(b'["a\\\\ud800b"]') == ["a\\ufffdb"]
    True
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        fault = f"{error.msg} at line {error.lineno}, column {error.colno}"
    try:
        return _parse_leniently(bytes(body))
    except (ValueError, RecursionError):
        raise Rejected(Problem(NOT_JSON, f"not JSON: {fault}; send one JSON object in UTF-8")) from None


def read_request(raw: object, max_messages: int) -> Request:
    """Validate one decision request and convert it to the kernel's `Request`.

    Parameters
    ----------
    raw
        Parsed JSON.
    max_messages
        Longest conversation that is read.

    Raises
    ------
    Rejected
        With `invalid-request`; every fault has a pointer and a cure.
    """
    wire = check_fields(raw, max_messages)
    try:
        messages = from_prompt(wire.prompt) if wire.messages is None else parse_messages(wire.messages)
    except BadRequest as error:
        raise Rejected(
            invalid_request((locate_fault(str(error), "prompt" if wire.messages is None else "messages"),))
        ) from None
    return to_request(wire, messages)


def check_fields(raw: object, max_messages: int) -> DecisionRequest:
    """Validate all fields except the turns of the conversation.

    Raises
    ------
    Rejected
        With `invalid-request`; every fault has a pointer and a cure.
    """
    try:
        wire: DecisionRequest = _check_decision(raw)
    except ValidationError as error:
        raise Rejected(invalid_request(list_faults(error))) from None
    if wire.messages is None:
        if wire.prompt is None:
            raise Rejected(invalid_request((BodyFault("#", "give messages (OpenAI chat form) or prompt (a string)"),)))
    elif wire.prompt is not None:
        raise Rejected(invalid_request((BodyFault("#/prompt", "give messages or prompt, not both"),)))
    elif len(wire.messages) > max_messages:
        detail = f"{len(wire.messages)} messages; send the newest {max_messages} at most: older ones are not read"
        raise Rejected(invalid_request((BodyFault("#/messages", detail),)))
    return wire


def to_request(wire: DecisionRequest, messages: tuple[Message, ...]) -> Request:
    """Build the kernel's request from validated fields and parsed turns."""
    value, limit = wire.value_of_success_usd, wire.max_cost_usd
    return Request(
        messages,
        wire.model,
        wire.tenant,
        wire.session_id,
        wire.task,
        wire.deadline_ms,
        None if value is None else Usd(value),
        None if limit is None else Usd(limit),
        wire.client_effort,
        wire.tools or 0,
    )


def read_batch(raw: object, max_items: int) -> list[Any]:
    """Validate a batch's envelope; its items are validated one by one with `read_request`.

    Raises
    ------
    Rejected
        With `invalid-request`, where the envelope is invalid or holds too many items.
    """
    try:
        wire: BatchRequest = _check_batch(raw)
    except ValidationError as error:
        raise Rejected(invalid_request(list_faults(error))) from None
    if len(wire.requests) > max_items:
        detail = f"{len(wire.requests)} requests; send {max_items} at most in one batch"
        raise Rejected(invalid_request((BodyFault("#/requests", detail),)))
    return wire.requests


def write_decision(decision: Decision) -> bytes:
    """Serialise one decision.

    Raises
    ------
    TypeError
        The decision holds a value that JSON can't express.
    """
    return orjson.dumps(decision, _plain, orjson.OPT_SERIALIZE_NUMPY)


def write_batch(results: Iterable[bytes]) -> bytes:
    """Join the items of a batch's answer, each a serialised JSON object.

    Examples
    --------
    >>> write_batch([b'{"decision":{}}', b'{"problem":{}}'])
    b'{"results":[{"decision":{}},{"problem":{}}]}'
    """
    return b'{"results":[' + b",".join(results) + b"]}"


def _parse_leniently(body: bytes) -> Any:
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogatepass")
    value = json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_finite_int)
    repaired = _LONE_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False))
    return orjson.loads(repaired)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _finite_int(text: str) -> int | float:
    return int(text) if len(text) < 20 else _finite(text)


def _plain(value: object) -> object:
    """Convert mappings that orjson does not know, such as a read-only view."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def invalid_request(found: tuple[BodyFault, ...]) -> Problem:
    """Build one problem of all faults; its detail names the first."""
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    place = "" if first.pointer == "#" else f"{first.pointer[2:]}: "
    return Problem(INVALID, f"{place}{first.detail}{more}", found)


def list_faults(error: ValidationError, skip: int = 0) -> tuple[BodyFault, ...]:
    """List the faults of a validation error; the first `skip` steps of each location are left out."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return tuple(_fault(detail, skip) for detail in details[:MAX_FAULTS])


def _fault(detail: ErrorDetails, skip: int) -> BodyFault:
    pointer = _pointer(str(step) for step in detail["loc"][skip:])
    match detail["type"]:
        case "extra_forbidden":
            return BodyFault(pointer, "unknown field: leave it out, or check its spelling against /docs")
        case "model_type":
            return BodyFault(pointer, "must be an object")
        case _:
            message = detail["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
            changed = message != detail["msg"]
            return BodyFault(pointer, f"must be {message}" if changed else message[:1].lower() + message[1:])


def locate_fault(message: str, field: str) -> BodyFault:
    """Convert the kernel's `messages[0].role must be ...` to a fault; it points to `field` where no place is named."""
    match = _LOCATION.match(message)
    if match is None:
        return BodyFault(_pointer([field]), message)
    return BodyFault(_pointer(_STEP.findall(match[0])), message[match.end() :].lstrip(" :"))


def _pointer(steps: Iterable[str]) -> str:
    """Format a JSON pointer in fragment form.

    Examples
    --------
    >>> _pointer(["messages", "0", "a/b"])
    '#/messages/0/a~1b'
    """
    return "#" + "".join("/" + step[:80].replace("~", "~0").replace("/", "~1") for step in steps)
