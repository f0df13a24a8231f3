"""Session identity: which session a request belongs to where it names none, and whether its effort is a choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from serving.control.sessions import ROOT_BYTES, LastTurn, SessionTable
from serving.decision import Request, TurnKeys, turn_keys
from serving.decision.providers import AGENT_HEADERS, SESSION_HEADERS, header_session, unasked_efforts

_READ: Final = frozenset(name.encode() for name in (*AGENT_HEADERS, *SESSION_HEADERS))
_MAX_HEADER: Final = 256
DERIVED: Final = "turns-"
"""Start of the ids of sessions that nobody named."""


class SessionIdentifier:
    """Names the session of a request, and tells a program's constant effort from a person's choice.

    A session that nobody names is followed from call to call: each call is remembered under a hash of its
    conversation, and the next one holds the same conversation before its last reply. So calls of one template do not
    become one session, though their first turns are alike.

    Parameters
    ----------
    table
        Where sessions are remembered.
    new_root
        Gives `ROOT_BYTES` random bytes for a conversation that begins.
    """

    def __init__(self, table: SessionTable, new_root: Callable[[], bytes]) -> None:
        self._table, self._new_root = table, new_root

    def identify(self, request: Request, headers: Iterable[tuple[bytes, bytes]] = ()) -> Request:
        """Complete a request of a provider's body; costs two look-ups.

        Parameters
        ----------
        headers
            Lower-case names and values of the call: session and program of the client.
        """
        stated = _wanted(headers)
        session_id, keys = request.session_id or header_session(stated), None
        if session_id is not None:
            last = self._table.find(request.tenant, session_id)
        else:
            keys = _keys_of(request)
            last = None if keys.previous is None else self._table.find_turn(request.tenant, keys.previous)
            root = self._new_root() if last is None else last.root
            session_id = DERIVED + root.hex()
        default = request.client_effort is not None and _is_constant(request, stated, last)
        if session_id == request.session_id and not default:
            return request
        return replace(request, session_id=session_id, client_default=default, turn_keys=keys)

    def remember_reply(self, request: Request, reply_id: str) -> None:
        """Remember the reply to a call, so that a call that goes on from it finds its session.

        Parameters
        ----------
        request
            As `identify` completed it, and as the session table heard of it.
        reply_id
            The provider's id of the reply.
        """
        if request.turn_keys is not None:
            last = self._table.find_turn(request.tenant, request.turn_keys.this)
            if last is not None:
                self._table.keep_turn(request.tenant, _reply_key(reply_id), last)


def derived_root(session_id: str) -> bytes | None:
    """Give the root of a session that nobody named; None for any other.

    Examples
    --------
    >>> derived_root("turns-00ff00ff00ff00ff").hex(), derived_root("s-17")
    ('00ff00ff00ff00ff', None)
    """
    if not session_id.startswith(DERIVED) or len(session_id) != len(DERIVED) + 2 * ROOT_BYTES:
        return None
    try:
        return bytes.fromhex(session_id[len(DERIVED) :])
    except ValueError:
        return None


def _keys_of(request: Request) -> TurnKeys:
    """Give what a call is found by: the whole conversation, or the reply that it goes on from and what it adds."""
    keys = turn_keys(request)
    if request.previous_reply is None:
        return keys
    previous = _reply_key(request.previous_reply)
    return TurnKeys(blake2b(previous + keys.this, digest_size=16).digest(), previous)


def _reply_key(reply_id: str) -> bytes:
    return blake2b(reply_id.encode("utf-8", "replace"), digest_size=16, person=b"reply").digest()


def _is_constant(request: Request, stated: Mapping[str, str], last: LastTurn | None) -> bool:
    """Tell whether the client's program sends this effort always: it is known to, and it has not changed it."""
    agent = next((stated[name] for name in AGENT_HEADERS if name in stated), "")
    if request.client_effort not in unasked_efforts(agent):
        return False
    return last is None or not (last.client_chose or last.client_effort not in (None, request.client_effort))


def _wanted(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {name.decode("latin-1"): value[:_MAX_HEADER].decode("latin-1") for name, value in headers if name in _READ}
