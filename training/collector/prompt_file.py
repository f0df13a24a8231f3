"""Reads the prompt file of a collection: prompts and how their answers are graded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from serving.decision import BadRequest
from training.collector.graders import GRADERS, JUDGE, Check
from training.errors import BadHistory
from training.importers import RefusedRow, SourceRow, json_object, rows_of
from training.records import Unmappable, chat_text, conversation, label


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt to send and its grading.

    Parameters
    ----------
    key
        Hash of the messages, the same in every file.
    prompt_id, task
        As given.
    messages
        The messages to send, JSON text.
    text
        Text of all turns, for the judge and the token estimate.
    check
        How an answer is graded; None to leave success unknown.
    """

    key: str
    prompt_id: str | None
    task: str | None
    messages: str
    text: str
    check: Check | None

    @property
    def input_tokens(self) -> float:
        """Estimated tokens: about four characters each, plus the overhead of a turn."""
        return 8.0 + len(self.text) / 4


@dataclass(frozen=True, slots=True)
class PromptFile:
    """The prompts of a file and its rejected rows."""

    prompts: Sequence[Prompt]
    refused: Sequence[RefusedRow]


def read_prompts(path: Path, grader: str | None = None) -> PromptFile:
    """Read a prompt file: `prompt` or `messages`, and optionally `prompt_id`, `task`, `answer`, `grader`, `check`.

    Parameters
    ----------
    grader
        Default for rows without a `grader`.

    Raises
    ------
    BadHistory
        If no row is a valid prompt.
    """
    found: dict[str, Prompt] = {}
    refused: list[RefusedRow] = []
    for row in rows_of(path):
        if isinstance(row, RefusedRow):
            refused.append(row)
            continue
        try:
            prompt = _prompt(row, grader)
            if prompt.key in found:
                raise Unmappable("duplicate prompt", "the same prompt came before; for several runs use --runs")
            found[prompt.key] = prompt
        except Unmappable as error:
            refused.append(RefusedRow(row.source, row.line, error.kind, error.reason, row.row))
    if not found:
        raise BadHistory(f"{path}: no row is a prompt; write one object a line with prompt or messages")
    return PromptFile(tuple(found.values()), tuple(refused))


def _prompt(source_row: SourceRow, grader: str | None) -> Prompt:
    row = source_row.row
    messages, plain = chat_text(row.get("messages")), row.get("prompt")
    try:
        turns = conversation(plain, messages)
    except BadRequest as error:
        raise Unmappable("no prompt", str(error)) from None
    sent = messages or orjson.dumps([{"role": "user", "content": plain}]).decode()
    return Prompt(
        key=hashlib.blake2b(sent.encode(), digest_size=12).hexdigest(),
        prompt_id=label(row.get("prompt_id")),
        task=label(row.get("task")),
        messages=sent,
        text="\n\n".join(turn.text for turn in turns),
        check=_check(row, grader),
    )


def _check(row: Mapping[str, Any], grader: str | None) -> Check | None:
    name = label(row.get("grader")) or grader
    if name is None:
        return None
    if name not in GRADERS and name != JUDGE:
        raise Unmappable("unknown grader", f"grader {name[:40]!r} is none of {', '.join((*GRADERS, JUDGE))}")
    answer = row.get("answer")
    return Check(name, None if answer is None else str(answer), json_object(row.get("check")))
