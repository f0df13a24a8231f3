"""Calls that tools make on their own behalf are told from users' requests."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from serving.decision.harness import calls
from serving.decision.harness.calls import CALL_KINDS, harness_call
from serving.decision.types import Message, Request

TALK = "User: Prove that there are infinitely many primes.\nAssistant: Suppose there were finitely many ..."
CLAUDE = "You are Claude Code, Anthropic's official CLI for Claude."


def asked(text: str, system: str = "", **more: int | None) -> Request:
    turns = (Message("system", system),) if system else ()
    return Request((*turns, Message("user", text)), **more)  # type: ignore[arg-type]


TITLES = {
    "hermes": asked(TALK, "Generate a short, descriptive title (3-7 words) for a conversation that starts with the "
                    "following exchange. Return ONLY the title text, nothing else."),
    "the shortest": asked(TALK, "Return ONLY the title"),
    "opencode": asked("Generate a title for this conversation:", "You are a title generator. You output "
    "ONLY a thread title."),
    "Claude Code 2": asked(TALK, f"{CLAUDE}\nGenerate a concise, sentence-case title (3-7 words) that "
    f"captures the main topic "
                           "or goal of this coding session."),
    "Claude Code 1": asked("Please write a 5-10 word title for the following conversation:\n\n" + TALK),
    "Codex": asked("Generate a short title for a task.\nReturn only the title.\n\nUser prompt:\nPlease "
    "inspect the repository"),
    "Open WebUI, title": asked("### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the "
    "chat history.\n" + TALK),
    "Open WebUI, tags": asked("### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat "
    "history\n" + TALK),
    "others": asked(TALK, "Create a title of at most five words for the chat below. No quotes."),
}  # fmt: skip
SUMMARIES = {
    "Claude Code": asked("CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.\n\nYour task is to "
    "create a detailed summary "
                         "of the conversation so far, paying close attention to the user's explicit "
                         "requests", "x" * 50_000, tools=60),
    "its system prompt": asked(TALK, "You are a helpful AI assistant tasked with summarizing conversations."),
    "Codex": asked("You are performing a CONTEXT CHECKPOINT COMPACTION. Create a handoff summary for another LLM."),
}  # fmt: skip
SUGGESTIONS = {
    "Open WebUI": asked(
        "### Task:\nSuggest 3-5 relevant follow-up questions or prompts that the user might naturally ask"
    ),
    "its queries": asked("### Task:\nAnalyze the chat history to determine the necessity of generating search queries"),
    "Claude Code": asked("[SUGGESTION MODE: Suggest what the user might type next]"),
}
PROBES = {
    "quota": asked("quota", max_output_tokens=1),
    "quota without a limit": asked("quota"),
    "warm-up": asked("Warmup", CLAUDE),
    "ping": asked("ping", max_output_tokens=5),
    "one token": asked("Hi", max_output_tokens=1),
}
ANALYSES = {
    "paths": asked("fix it", f"{CLAUDE}\nExtract any file paths that this command reads or modifies."),
    "prefix": asked("<policy_spec>\n# Bash command prefix detection\n"),
}  # fmt: skip
KINDS = {
    "title_generation": TITLES,
    "conversation_summary": SUMMARIES,
    "follow_up_suggestions": SUGGESTIONS,
    "harness_probe": PROBES,
    "command_analysis": ANALYSES,
}


@pytest.mark.parametrize(
    ("kind", "request_"),
    [pytest.param(kind, one, id=f"{kind}: {name}") for kind, cases in KINDS.items() for name, one in cases.items()],
)
def test_a_call_is_recognised(kind: str, request_: Request) -> None:
    assert harness_call(request_) == kind


def test_the_topic_of_a_message_counts_as_a_title() -> None:
    system = (
        f"{CLAUDE}\nAnalyze if this message indicates a new conversation topic. If it does, extract a 2-3 word title."
    )
    assert harness_call(asked("fix it", system)) in ("title_generation", "command_analysis")


@pytest.mark.parametrize(
    "request_",
    [
        asked("hi"),
        asked("Suggest a title for my essay on bees."),
        asked("Write a short title and an abstract for this paper: ..."),
        asked("Summarize the conversation between Romeo and Juliet in act 2."),
        asked("ping"),
        asked("What is my quota?"),
        asked("test", max_output_tokens=4096),
        asked("Prove it.", "You are a helpful assistant. Answer briefly. Only use facts."),
        asked("Prove it.", "You write pages. Create a title and sections of each page; return only HTML."),
        asked("Prove it.", "You are a coding agent. " + "Give every pull request a short title. " * 400),
        asked("fix it", f"{CLAUDE}\nWrite a short title for each commit, nothing else.", tools=20),
        Request((Message("assistant", "x"),)),
        Request(()),
    ],
)
def test_a_users_request_is_not(request_: Request) -> None:
    assert harness_call(request_) is None


def test_every_pattern_says_whose_call_it_is_and_where_that_was_looked_up() -> None:
    raw = tomllib.loads(Path(calls.__file__).with_name("calls.toml").read_text("utf-8"))["call"]
    assert all(one["tool"] and one["source"] for one in raw)
    assert set(CALL_KINDS) == set(KINDS)
    # No repetition without bound, so that no text makes a search quadratic.
    assert not any(sign in expression for one in raw for expression in one["all"] for sign in (".*", ".+", "]*", "]+"))
