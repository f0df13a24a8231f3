"""API keys: generated once, stored as a hash, and verified in constant time."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

Scope = Literal["decide", "report", "metrics", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""`decide` requests decisions, `report` sends outcomes, `metrics` reads /metrics, `admin` changes what is served."""

MAX_TOKEN: Final = 256
"""Longest key that is checked; longer ones are refused."""

_PREFIX: Final = "tg"
_ID_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_ID_LENGTH: Final = 8
_NO_DIGEST: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Key:
    """One key, without its secret.

    Parameters
    ----------
    key_id
        Part of the key itself, and its name in logs and metrics.
    name
        Owner; two keys of one name may be valid at once, which is how a key is rotated.
    digest
        SHA-256 of the whole key.
    decisions_per_second, burst
        Refill rate and size of the token bucket that all workers share; infinite means no limit.
    expires_at
        Epoch seconds; infinite means never.
    """

    key_id: str
    name: str
    digest: bytes = field(repr=False)
    scopes: frozenset[Scope]
    decisions_per_second: float = math.inf
    burst: float = math.inf
    expires_at: float = math.inf


@dataclass(frozen=True, slots=True)
class NewKey:
    """A newly generated key.

    Parameters
    ----------
    token
        The secret that its user sends; it is stored nowhere.
    """

    key: Key
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The valid keys, by id."""

    keys: Mapping[str, Key]

    def find(self, token: str, now: float) -> Key | None:
        """Return the key that `token` belongs to, or None.

        Takes constant time: an unknown id costs the same hash and comparison as a known one, and the comparison does
        not depend on where the bytes differ.

        Parameters
        ----------
        now
            Epoch seconds.
        """
        if len(token) > MAX_TOKEN:
            return None
        key = self.keys.get(token[3:].partition("_")[0])
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        same = hmac.compare_digest(digest, _NO_DIGEST if key is None else key.digest)
        return key if key is not None and same and now < key.expires_at else None


def make_key(
    name: str,
    scopes: Iterable[Scope],
    decisions_per_second: float = math.inf,
    burst: float = math.inf,
    expires_at: float = math.inf,
) -> NewKey:
    """Generate a key from 256 random bits of the system.

    Examples
    --------
    >>> new = make_key("gateway", ["decide"])
    >>> KeyRing({new.key.key_id: new.key}).find(new.token, now=0.0) is new.key
    True
    """
    key_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
    token = f"{_PREFIX}_{key_id}_{secrets.token_hex(32)}"
    digest = hashlib.sha256(token.encode()).digest()
    return NewKey(Key(key_id, name, digest, frozenset(scopes), decisions_per_second, burst, expires_at), token)
