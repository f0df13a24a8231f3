"""Blocks of every tool are removed, the user's words stay, in linear work, and a turn without words is passed over."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.harness.user_words import strip_blocks, user_messages, user_words
from serving.decision.types import Message, Request

ASK = "Rename the variable x to total."
REMINDER = f"<system-reminder>\n{'As you answer, mind the project rules. ' * 200}\n</system-reminder>"

SENT = {
    "Claude Code, a reminder in front": f"{REMINDER}\n{ASK}",
    "Claude Code, reminders around it": f"{REMINDER}\n{ASK}\n{REMINDER}",
    "Claude Code, a reminder that mentions itself": f"<system-reminder>Tags such as <system-reminder> "
    f"...</system-reminder>\n{ASK}",
    "Claude Code, one inside another": f"<system-reminder>a <system-reminder>b</system-reminder> "
    f"c</system-reminder>{ASK}",
    "Claude Code in an editor": f"<ide_opened_file>The user opened a.py.</ide_opened_file>\n{ASK}",
    "Claude Code, selection": f"<ide_selection>lines 5 to 10: const a = 1\n</ide_selection>\n\n{ASK}",
    "Claude Code, slash command": "<command-message>fix is "
    "running</command-message>\n<command-name>/fix</command-name>"
    f"\n<command-args>{ASK}</command-args>",
    "Codex, AGENTS.md": f"# AGENTS.md instructions for /work/shop\n\n<INSTRUCTIONS>\nUse tabs.\n</INSTRUCTIONS>\n{ASK}",
    "Codex, environment": f"<environment_context>\n  <cwd>/work</cwd>\n</environment_context>\n{ASK}",
    "Codex, older": f"<user_instructions>\n\nUse tabs.\n\n</user_instructions>\n\n{ASK}",
    "Codex, permissions": f"<permissions instructions>\nsandbox\n</permissions instructions>{ASK}",
    "Codex in an editor": "# Context from my IDE setup:\n\n## Active file: a.py\n\n## Open tabs:\n- a.py: a.py\n\n"
    f"## My request for Codex:\n{ASK}\n",
    "Cline": f"<task>\n{ASK}\n</task>\n\n<environment_details>\n# VSCode Visible Files\na.py\n</environment_details>",
    "Roo Code": f"<user_message>\n{ASK}\n</user_message>\n<environment_details>\n# Current "
    f"Mode\n</environment_details>",
    "Cursor": "<additional_data>\n<open_and_recently_viewed_files>\n- a.py\n</open_and_recently_viewed_files>\n"
    f"</additional_data>\n<user_query>\n{ASK}\n</user_query>",
    "Cursor, with what no list knows": f"<news_of_2027>x</news_of_2027>\n<user_query>{ASK}</user_query>",
    "Copilot": "<context>\nThe date is 1 May.\n</context>\n<reminderInstructions>\nGo on.\n</reminderInstructions>\n"
    f"<userRequest>\n{ASK}\n</userRequest>",
    "OpenHands": f"{ASK}\n\n<RUNTIME_INFORMATION>\nport 50943\n</RUNTIME_INFORMATION>\n<EXTRA_INFO>\nx\n</EXTRA_INFO>",
    "Gemini CLI": f"<session_context>\nThis is the Gemini CLI.\n</session_context>\n{ASK}",
    "aider": f"{ASK}\n\n# *SEARCH/REPLACE block* Rules:\n\nEvery *SEARCH/REPLACE block* must use this format:\n1. ...",
    "a catalogue of tools": f'<tools>\n{{"name": "grep"}}\n</tools>\n{ASK}',
    "an interruption": f"[Request interrupted by user]\n{ASK}",
}


@pytest.mark.parametrize("text", SENT.values(), ids=SENT.keys())
def test_the_users_words_are_what_remains(text: str) -> None:
    assert strip_blocks(text) == ASK
    assert user_words(Request((Message("user", text),))).messages == (Message("user", ASK),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  hi  ",
        "Is 2 < 3 and <b>bold</b> in HTML?",
        "What does an unclosed <system-reminder> mean?",
        "<system-reminders>a</system-reminders>",
        "## My request for Codex: is a heading",
        "Explain </system-reminder>",
        "def f(x): return x << 2",
    ],
)
def test_other_texts_stay_the_very_same(text: str) -> None:
    assert strip_blocks(text) is text


def test_turns_that_hold_nothing_of_the_users_are_passed_over() -> None:
    turns = (
        Message("user", "# AGENTS.md instructions for /a\n\n<INSTRUCTIONS>x</INSTRUCTIONS>"),
        Message("user", "<environment_context>y</environment_context>"),
        Message("user", ASK),
        Message("assistant", "Done."),
        Message("user", "<command-name>/compact</command-name>"),
    )
    assert user_messages(turns) == (Message("user", ASK), Message("assistant", "Done."))


def test_where_nothing_would_remain_the_whole_text_is_read() -> None:
    turns = (Message("system", "x"), Message("user", REMINDER))
    assert user_messages(turns) is turns
    request = Request(turns)
    assert user_words(request) is request


def test_pictures_are_the_users_own() -> None:
    turns = (Message("user", REMINDER, images=1),)
    assert user_messages(turns) == (Message("user", "", images=1),)


def test_only_user_turns_are_read() -> None:
    turns = (Message("system", REMINDER), Message("tool", REMINDER), Message("user", "hi"))
    assert user_messages(turns) is turns


PIECES = (
    "<system-reminder>", "</system-reminder>", "<env>", "</env>", "<user_query>", "</user_query>", "<task>",
        "</task>", "<",
    ">", "\n", " ", "hi", "[Image #", "# AGENTS.md instructions", "## My request for Codex:", "# Context "
    "from my IDE setup:",
    "I have *added these files to the chat*", "# *SEARCH/REPLACE block* Rules:",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_mixture_gives_pieces_of_the_text_in_its_order(text: str) -> None:
    words = strip_blocks(text)
    left = iter(text)
    assert all(any(character == other for other in left) for character in words.replace("\n", ""))
    assert len(words) <= len(text)


class Counted(str):
    """A text that counts the characters that searches in it may pass."""

    passed = 0

    def find(self, what: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        place = super().find(what, start, len(self) if end is None else end)
        Counted.passed += (len(self) if place < 0 else place) - start
        return place

    def count(self, what: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        Counted.passed += (len(self) if end is None else end) - start
        return super().count(what, start, len(self) if end is None else end)


@pytest.mark.parametrize(
    "piece",
    [
        "<system-reminder>",
        "<system-reminder></system-reminder>",
        "<env><env></env>",
        "</env>",
        "<env></env></env>",
        "<system-reminder><env></system-reminder>",
        "<env><tools></env>",
    ],
)
def test_searches_pass_every_character_a_fixed_number_of_times(piece: str) -> None:
    for times in (100, 1000):
        Counted.passed = 0
        strip_blocks(Counted(piece * times))
        assert Counted.passed <= 8 * len(piece) * times
