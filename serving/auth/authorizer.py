"""Decides whether a caller may come in: reads its key, checks the scope and the rate, and says why not."""

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
from serving.schemas.problems import FORBIDDEN, NO_KEY, RATE_LIMITED, Problem

RequiredScope = Scope | Literal["any key", "nothing", "admin if locked"]
"""What a route asks of its caller; `admin if locked` needs an admin's key where there are keys, and else nobody's."""

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
    """Who came in.

    Parameters
    ----------
    key_id
        Of its key; empty where none was needed.
    """

    key_id: str = ""


@dataclass(frozen=True, slots=True)
class _Allowance:
    place: int
    seconds_per_call: float
    burst_seconds: float


NOBODY: Final = Caller()


class Authorizer:
    """What every front end asks before it reads a body.

    Without a keys file everybody who can connect may decide, report and read metrics (the settings see to it that only
    this machine, or the holder of a client certificate, can), but nobody may change what is served.

    Parameters
    ----------
    keys
        The watched file; None without keys.
    rates
        Shared by all workers.
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
        """Calls that were turned away, by reason and key id."""

    @property
    def locked(self) -> bool:
        """Tell whether keys are needed."""
        return self._keys is not None

    def refresh(self) -> None:
        """Look whether the keys changed; to be called about once a second."""
        if self._keys is not None and self._keys.refresh():
            self._allowances = _allowances(self._keys.ring)

    def authorize(self, token: str | None, need: RequiredScope) -> Caller | Problem:
        """Let a caller in, and count its call, or say why not.

        Parameters
        ----------
        token
            The key that it sent; None where it sent none.
        """
        if need == "nothing":
            return NOBODY
        if self._keys is None:
            return self._turn_away(_ADMIN_NEEDS_KEY, "") if need == "admin" else NOBODY
        if token is None:
            return self._turn_away(_NO_KEY, "")
        key = self._keys.ring.find(token, self._epoch())
        if key is None:
            return self._turn_away(_BAD_KEY, "")
        scope: RequiredScope = "admin" if need == "admin if locked" else need
        if scope != "any key" and scope not in key.scopes:
            return self._turn_away(_forbidden(key, scope), key.key_id)
        allowance = self._allowances.get(key.key_id)
        if allowance is not None:
            now = self._monotonic()
            wait = self._rates.wait(allowance.place, allowance.burst_seconds, now)
            if wait:
                return self._turn_away(_rate_limited(key, wait), key.key_id)
            self._rates.charge(allowance.place, allowance.seconds_per_call, now)
        return Caller(key.key_id)

    def charge(self, caller: Caller, calls: int) -> None:
        """Count more decisions or outcomes of a call that came in: a batch costs what its items cost."""
        allowance = self._allowances.get(caller.key_id)
        if allowance is not None and calls > 0:
            self._rates.charge(allowance.place, calls * allowance.seconds_per_call, self._monotonic())

    def _turn_away(self, problem: Problem, key_id: str) -> Problem:
        self.refused[problem.kind.name, key_id] += 1
        return problem


def token_of(authorization: str | None, x_api_key: str | None) -> str | None:
    """Take the key from the headers that may carry it; `x-api-key` counts where both are there.

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
    given = assign_slots(ring.keys)
    # `burst` calls at once: the last of them finds the bucket short of burst - 1.
    return {
        key_id: _Allowance(
            given[key_id], 1.0 / key.decisions_per_second, max(0.0, key.burst - 1.0) / key.decisions_per_second
        )
        for key_id, key in ring.keys.items()
        if key_id in given and math.isfinite(key.decisions_per_second)
    }


def _forbidden(key: Key, need: RequiredScope) -> Problem:
    held = ", ".join(sorted(key.scopes))
    return Problem(FORBIDDEN, f"key {key.key_id} may {held}, and this call needs the scope {need}: use another key")


def _rate_limited(key: Key, wait: float) -> Problem:
    seconds = whole_seconds(wait)
    detail = f"key {key.key_id} may decide {key.decisions_per_second:g} times a second; try again in {seconds} s"
    return Problem(RATE_LIMITED, detail, (), ((b"retry-after", b"%d" % seconds),))
