"""API keys: only the right secret opens, until it expires, and it is kept as a hash."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from serving.auth.api_keys import KeyRing, make_key

MADE = make_key("gateway", ["decide"], expires_at=1000.0)
RING = KeyRing({MADE.key.key_id: MADE.key})


def test_a_key_proves_itself_until_it_expires() -> None:
    assert RING.find(MADE.token, 999.0) is MADE.key
    assert RING.find(MADE.token, 1000.0) is None


def test_the_secret_is_kept_nowhere() -> None:
    assert MADE.token not in repr(MADE)
    assert MADE.key.digest == hashlib.sha256(MADE.token.encode()).digest()
    secret = MADE.token.rpartition("_")[2]
    assert len(secret) == 64
    assert secret not in repr(MADE.key)


@given(st.one_of(st.text(max_size=300), st.integers(0, len(MADE.token) - 1).map(lambda at: _flipped(MADE.token, at))))
def test_nothing_else_opens(token: str) -> None:
    assert RING.find(token, 0.0) is None


def _flipped(token: str, at: int) -> str:
    other = "b" if token[at] != "b" else "c"
    return token[:at] + other + token[at + 1 :]


def test_a_key_of_another_id_does_not_open_with_a_good_secret() -> None:
    _, key_id, secret = MADE.token.split("_")
    assert RING.find(f"tg_{key_id[::-1]}x_{secret}", 0.0) is None
    assert RING.find(secret, 0.0) is None


def test_no_two_keys_are_alike() -> None:
    made = [make_key("same name", ["decide"]) for _ in range(100)]
    assert len({new.token for new in made}) == len({new.key.digest for new in made}) == 100
