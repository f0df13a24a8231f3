"""Authorizes calls: checks the API key, its scope and its rate, and answers with a problem where one of them fails."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from serving.auth.api_keys import Key, KeyRing, Scope
from serving.auth.key_file import KeyFile
from serving.auth.rate_limiter import RateLimiter, assign_slots, whole_seconds
from serving.schemas import FORBIDDEN, NO_KEY, RATE_LIMITED, Problem

RequiredScope = Scope | Literal["any key", "nothing", "admin if locked"]
"""What a route requires; `admin if locked` requires the scope `admin` where the server has a keys file."""

_CHALLENGE: Final = ((b"www-authenticate", b'Bearer realm="thinkgate"'),)
_NO_KEY: Final = Problem(
    NO_KEY, "send an API key as `authorization: Bearer KEY` or `x-api-key: KEY`; the operator makes one", (), _CHALLENGE
)
_BAD_KEY: Final = Problem(
    NO_KEY, "this API key is unknown, expired or revoked; ask the operator for a new one", (), _CHALLENGE
)
_ADMIN_NEEDS_KEY: Final = Problem(
    FORBIDDEN, "this call changes what is served: start the server with --keys FILE, and send a key of scope admin"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authorized caller.

    Parameters
    ----------
    key_id
        Id of its key; empty where none was required.
    """

    key_id: str = ""


@dataclass(frozen=True, slots=True)
class _Allowance:
    slot: int
    seconds_per_call: float
    burst_seconds: float


ANONYMOUS: Final = Caller()
"""The caller of a route that requires no key."""


class Authorizer:
    """Authorizes calls before their body is read, for HTTP and gRPC alike.

    Without a keys file every caller may decide, report and read metrics (the settings ensure that only this machine, or
    the holder of a client certificate, can connect), but none may change what is served.

    Parameters
    ----------
    keys
        The watched keys file; None without keys.
    rates
        Token buckets that all workers share.
    epoch
        Seconds since the epoch, for expiry.
    monotonic
        Seconds of a clock that all workers share, for rates.
    """

    def __init__(
        self,
        keys: KeyFile | None = None,
        rates: RateLimiter | None = None,
        epoch: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys, self._rates = keys, rates or RateLimiter()
        self._epoch, self._monotonic = epoch, monotonic
        self._allowances: Mapping[str, _Allowance] = _allowances(None if keys is None else keys.ring)
        self.refused: Counter[tuple[str, str]] = Counter()
        """Refused calls, by problem and key id."""

    @property
    def locked(self) -> bool:
        """Whether keys are required."""
        return self._keys is not None

    def refresh(self) -> None:
        """Reload the keys where their file changed; to be called about once a second."""
        if self._keys is not None and self._keys.refresh():
            self._allowances = _allowances(self._keys.ring)

    def authorize(self, token: str | None, need: RequiredScope) -> Caller | Problem:
        """Authorize a call and charge its rate, or return the problem to answer.

        Parameters
        ----------
        token
            The key that was sent; None where none was.
        """
        if need == "nothing":
            return ANONYMOUS
        if self._keys is None:
            return self._refuse(_ADMIN_NEEDS_KEY, "") if need == "admin" else ANONYMOUS
        if token is None:
            return self._refuse(_NO_KEY, "")
        key = self._keys.ring.find(token, self._epoch())
        if key is None:
            return self._refuse(_BAD_KEY, "")
        scope: RequiredScope = "admin" if need == "admin if locked" else need
        if scope != "any key" and scope not in key.scopes:
            return self._refuse(_forbidden(key, scope), key.key_id)
        allowance = self._allowances.get(key.key_id)
        if allowance is not None:
            now = self._monotonic()
            delay_s = self._rates.delay_s(allowance.slot, allowance.burst_seconds, now)
            if delay_s:
                return self._refuse(_rate_limited(key, delay_s), key.key_id)
            self._rates.charge(allowance.slot, allowance.seconds_per_call, now)
        return Caller(key.key_id)

    def charge(self, caller: Caller, calls: int) -> None:
        """Charge further decisions or outcomes of an authorized call: a batch costs as much as its items."""
        allowance = self._allowances.get(caller.key_id)
        if allowance is not None and calls > 0:
            self._rates.charge(allowance.slot, calls * allowance.seconds_per_call, self._monotonic())

    def _refuse(self, problem: Problem, key_id: str) -> Problem:
        self.refused[problem.kind.name, key_id] += 1
        return problem


def token_of(authorization: str | None, x_api_key: str | None) -> str | None:
    """Return the key from the two headers that may carry it; `x-api-key` takes precedence.

    Examples
    --------
    >>> token_of("Bearer tg_a_b", None), token_of("bearer  tg_a_b", ""), token_of("Basic eA==", None)
    ('tg_a_b', 'tg_a_b', None)
    """
    if x_api_key:
        return x_api_key
    if authorization and authorization[:7].lower() == "bearer ":
        return authorization[7:].strip() or None
    return None


def _allowances(ring: KeyRing | None) -> Mapping[str, _Allowance]:
    if ring is None:
        return {}
    slots = assign_slots(ring.keys)
    # `burst` calls at once: the last of them finds the bucket short of burst - 1.
    return {
        key_id: _Allowance(
            slots[key_id], 1.0 / key.decisions_per_second, max(0.0, key.burst - 1.0) / key.decisions_per_second
        )
        for key_id, key in ring.keys.items()
        if key_id in slots and math.isfinite(key.decisions_per_second)
    }


def _forbidden(key: Key, need: RequiredScope) -> Problem:
    scopes = ", ".join(sorted(key.scopes))
    return Problem(FORBIDDEN, f"key {key.key_id} may {scopes}, and this call needs the scope {need}: use another key")


def _rate_limited(key: Key, delay_s: float) -> Problem:
    seconds = whole_seconds(delay_s)
    detail = f"key {key.key_id} may decide {key.decisions_per_second:g} times a second; try again in {seconds} s"
    return Problem(RATE_LIMITED, detail, (), ((b"retry-after", b"%d" % seconds),))
