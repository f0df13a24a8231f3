"""API keys: made once, shown once, kept as a hash, and proven in constant time."""

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
"""`decide` asks for decisions, `report` sends outcomes, `metrics` reads /metrics, `admin` changes what is served."""

MAX_TOKEN: Final = 256
"""Longest key that is looked at."""

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
        Stands in the key itself, in logs and in metrics.
    name
        Whose key it is; two keys of one name may live at once, which is how a key is rotated.
    digest
        SHA-256 of the whole key.
    decisions_per_second, burst
        Refill and size of its bucket, over all workers; infinite where it has no limit.
    expires_at
        Epoch seconds; infinite where it does not expire.
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
    """A key that was just made.

    Parameters
    ----------
    token
        The secret that its user sends; it is written nowhere.
    """

    key: Key
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys that are live, by id."""

    keys: Mapping[str, Key]

    def find(self, token: str, now: float) -> Key | None:
        """Give the key that `token` proves, or None.

        An unknown id costs the same hash and comparison as a known one, and the comparison takes the same time wherever
        the bytes differ.

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
    """Make a key from 256 bits of the system's randomness.

    Examples
    --------
    >>> made = make_key("gateway", ["decide"])
    >>> KeyRing({made.key.key_id: made.key}).find(made.token, now=0.0) is made.key
    True
    """
    key_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
    token = f"{_PREFIX}_{key_id}_{secrets.token_hex(32)}"
    digest = hashlib.sha256(token.encode()).digest()
    return NewKey(Key(key_id, name, digest, frozenset(scopes), decisions_per_second, burst, expires_at), token)
