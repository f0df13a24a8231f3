"""Session identity: stated names count, programs' constants are told from choices, odd headers do no harm."""

from __future__ import annotations

import pytest

from serving.control.session_identity import DERIVED, SessionIdentifier, derived_root
from serving.control.sessions import LastTurn, SessionTable
from serving.decision.types import Effort, Message, Request

CLAUDE = (b"user-agent", b"claude-cli/2.1.40 (external, cli)")
CODEX = (b"user-agent", b"codex_cli_rs/0.98.0 (Mac OS 26.1; arm64)")
ASK = Request((Message("user", "hi"),))


def identifier(table: SessionTable | None = None) -> SessionIdentifier:
    return SessionIdentifier(table or SessionTable(64), lambda: b"\x01" * 8)


@pytest.mark.parametrize(
    ("header", "session"),
    [
        (b"x-session-id", "a"),
        (b"session_id", "a"),
        (b"x-claude-code-session-id", "a"),
        (b"x-unknown", DERIVED + "01" * 8),
    ],
)
def test_the_session_of_a_header_counts_where_the_body_names_none(header: bytes, session: str) -> None:
    assert identifier().identify(ASK, [(header, b"a")]).session_id == session
    named = Request(ASK.messages, session_id="body")
    assert identifier().identify(named, [(header, b"a")]) is named


def test_a_root_is_read_back_from_its_session_id_only() -> None:
    assert derived_root(DERIVED + "01" * 8) == b"\x01" * 8
    for other in ("", DERIVED, DERIVED + "zz" * 8, "s" * 22):
        assert derived_root(other) is None


@pytest.mark.parametrize(
    ("agent", "effort", "before", "is_default"),
    [
        (CLAUDE, "high", None, True),
        (CLAUDE, "high", "high", True),
        (CLAUDE, "low", "high", False),
        (CODEX, "medium", "medium", True),
        (CODEX, "high", None, False),
        ((b"user-agent", b"OpenAI/Python 2.8.1"), "medium", "medium", False),
        ((b"x-thinkgate-user-agent", b"Claude-CLI/2.1.40"), "high", None, True),
        ((b"accept", b"*/*"), "high", "high", False),
    ],
)
def test_an_effort_that_a_program_always_sends_is_no_choice(
    agent: tuple[bytes, bytes], effort: Effort, before: Effort | None, is_default: bool
) -> None:
    table = SessionTable(64)
    if before is not None:
        table.keep(None, "s", LastTurn(1, "high", 10, 5.0, client_effort=before))
    asked = Request(ASK.messages, session_id="s", client_effort=effort)
    assert identifier(table).identify(asked, [agent]).client_default is is_default


def test_an_effort_that_was_chosen_once_stays_a_choice() -> None:
    table = SessionTable(64)
    table.keep(None, "s", LastTurn(1, "high", 10, 5.0, client_effort="high", client_chose=True))
    asked = Request(ASK.messages, session_id="s", client_effort="high")
    assert not identifier(table).identify(asked, [CLAUDE]).client_default


def test_odd_headers_do_no_harm() -> None:
    odd = [(b"user-agent", b"\xff" * 10_000), (b"x-session-id", b" \xfe\x00 "), (b"", b"")]
    assert identifier().identify(ASK, odd).session_id is not None


def test_a_call_that_goes_on_from_a_reply_is_of_its_session() -> None:
    """Of the Responses format: the provider keeps the conversation, and the body holds only what is new."""
    table, roots = SessionTable(64), iter(bytes([number]) * 8 for number in range(1, 9))
    names = SessionIdentifier(table, lambda: next(roots))

    def call(text: str, previous: str | None, reply: str) -> str | None:
        asked = names.identify(Request((Message("user", text),), previous_reply=previous))
        assert asked.turn_keys is not None
        assert asked.session_id is not None
        root = derived_root(asked.session_id)
        assert root is not None
        table.keep_turn(None, asked.turn_keys.this, LastTurn(1, "high", 10, 5.0, root=root))
        names.remember_reply(asked, reply)
        return asked.session_id

    first = call("Plan it.", None, "resp_1")
    other = call("Plan it.", None, "resp_a")
    assert first != other
    assert call("yes", "resp_1", "resp_2") == first
    assert call("yes", "resp_a", "resp_b") == other
    assert call("and then?", "resp_2", "resp_3") == first
    assert call("yes", "resp_unknown", "resp_x") not in (first, other)


def test_a_reply_to_a_named_session_needs_no_memory() -> None:
    names = identifier()
    named = names.identify(Request(ASK.messages, session_id="s", previous_reply="resp_1"))
    names.remember_reply(named, "resp_2")
    assert named.session_id == "s"
    assert named.turn_keys is None
