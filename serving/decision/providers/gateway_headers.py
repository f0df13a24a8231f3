"""Gateway headers: the request context that a gateway sends in `x-thinkgate-*` headers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from serving.decision.errors import BadRequest
from serving.decision.types import Usd

GATEWAY_HEADERS = (
    "x-thinkgate-tenant",
    "x-thinkgate-session-id",
    "x-thinkgate-task",
    "x-thinkgate-deadline-ms",
    "x-thinkgate-value-of-success-usd",
    "x-thinkgate-max-cost-usd",
)
"""Lower-case names of the headers that are read."""
_MAX_TEXT = 256
_PREFIX = "x-thinkgate-"


@dataclass(frozen=True, slots=True)
class GatewayHeaders:
    """Context of a request that its body does not carry; units and meaning are those of `Request`."""

    tenant: str | None = None
    session_id: str | None = None
    task: str | None = None
    deadline_ms: float | None = None
    value_of_success_usd: Usd | None = None
    max_cost_usd: Usd | None = None


NO_GATEWAY_HEADERS = GatewayHeaders()


def read_gateway_headers(headers: Mapping[str, str]) -> GatewayHeaders:
    """Parse the gateway headers of a call.

    Parameters
    ----------
    headers
        By lower-case name; all others are ignored.

    Raises
    ------
    BadRequest
        A number is malformed or negative, or a deadline is not above 0; the header is named.

    Examples
    --------
    >>> read_gateway_headers({"x-thinkgate-tenant": "acme", "x-thinkgate-deadline-ms": "3000"}).deadline_ms
    3000.0
    """
    if not any(name in headers for name in GATEWAY_HEADERS):
        return NO_GATEWAY_HEADERS
    value, max_cost = _number(headers, "value-of-success-usd"), _number(headers, "max-cost-usd")
    deadline = _number(headers, "deadline-ms")
    if deadline == 0.0:
        raise BadRequest("header x-thinkgate-deadline-ms must be above 0: leave it out where there is no deadline")
    return GatewayHeaders(
        tenant=_text(headers, "tenant"),
        session_id=_text(headers, "session-id"),
        task=_text(headers, "task"),
        deadline_ms=deadline,
        value_of_success_usd=None if value is None else Usd(value),
        max_cost_usd=None if max_cost is None else Usd(max_cost),
    )


def _text(headers: Mapping[str, str], name: str) -> str | None:
    return headers.get(_PREFIX + name, "").strip()[:_MAX_TEXT] or None


def _number(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(_PREFIX + name, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise BadRequest(f"header {_PREFIX}{name} must be a number from 0 on")
    return number
