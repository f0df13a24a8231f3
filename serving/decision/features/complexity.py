"""Computes the complexity features of a request from its text: the only place where features are computed.

Every feature is log(1 + a count or a size): no state, no vocabulary learnt from data, no names of tasks.
"""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.decision.conversation import Turns, last_user_turn, split_last_turn
from serving.decision.features.characters import to_symbols
from serving.decision.features.counts import CHARACTER_NAMES, NEIGHBOUR_NAMES, count_repeats, count_symbols
from serving.decision.features.lexicon import GROUPS
from serving.decision.features.structure import (
    LINE_NAMES,
    NUMBER_NAMES,
    STRUCTURE_NAMES,
    WORD_NAMES,
    blank_non_digits,
    blank_non_letters,
    line_sizes,
    number_sizes,
    structure,
    word_group_counts,
    word_sizes,
)
from serving.decision.types import FloatArray, Request

MAX_CHARS: Final = 4000
"""Characters read of the last user turn, half from its head and half from its tail; its full length is a feature."""

_FloatRow = NDArray[np.float64]

_REST_CHARS: Final = 2000
"""Characters read of the other turns, from their end."""

_TEXT_NAMES: Final = (
    *CHARACTER_NAMES,
    *NEIGHBOUR_NAMES,
    *(f"{group}_words" for group in GROUPS),
    "chars",
    *WORD_NAMES,
    *LINE_NAMES,
    *NUMBER_NAMES,
    *STRUCTURE_NAMES,
)
_CONVERSATION_NAMES: Final = (
    "user_turns",
    "assistant_turns",
    "tool_turns",
    "rest_chars",
    "system_chars",
    "previous_answer_chars",
    "rest_lines",
    "rest_numbers",
    "rest_question_marks",
    "rest_fences",
    "answers_a_question",
    "waits_for_tool",
    "tools",
    "tool_calls",
    "attachments",
)

FEATURE_NAMES: Final[tuple[str, ...]] = (*_TEXT_NAMES, *_CONVERSATION_NAMES)
"""F names: the text features are of the last user turn, those from `user_turns` on of the conversation."""

_CONVERSATION_FROM: Final = len(_TEXT_NAMES)
_EAST_ASIAN: Final = CHARACTER_NAMES.index("east_asian")


def extract(request: Request) -> FloatArray:
    """Compute the features of one request.

    Parameters
    ----------
    request
        Any; texts of any length and content, lone surrogates included.

    Returns
    -------
    FloatArray
        float32 (F,) in the order of `FEATURE_NAMES`, always finite and at least 0.

    Examples
    --------
    >>> from serving.decision.types import Message
    >>> row = extract(Request((Message("user", "What is 17 * 23?"),)))
    >>> round(float(np.expm1(row[FEATURE_NAMES.index("largest_number")])))
    23
    """
    turns = split_last_turn(request)
    row = np.zeros(len(FEATURE_NAMES))
    if turns.last:
        _fill_text(row, turns.last)
    _fill_conversation(row[_CONVERSATION_FROM:], request, turns)
    # The logarithm in float64: rounded to float32, it is the same on every machine, so trees branch alike.
    return np.log1p(row).astype(np.float32)


def _fill_text(row: _FloatRow, text: str) -> None:
    """Write the raw text features of a text that is not empty."""
    length = len(text)
    if length > MAX_CHARS:
        text = f"{text[: MAX_CHARS // 2]}\n{text[-MAX_CHARS // 2 :]}"
    data = to_symbols(text)
    letters, digits = blank_non_letters(data), blank_non_digits(data)
    words = letters.split()
    symbol_counts = count_symbols(data)
    row[: len(symbol_counts)] = symbol_counts
    east_asian = float(symbol_counts[_EAST_ASIAN])
    sizes = [
        count_repeats(data),
        *word_group_counts(words, text, east_asian > 0),
        length,
        *word_sizes(data, words, east_asian),
        *line_sizes(data, letters, digits),
        *number_sizes(digits),
        *structure(data),
    ]
    row[len(symbol_counts) : _CONVERSATION_FROM] = np.frombuffer(array("d", sizes))


def _fill_conversation(row: _FloatRow, request: Request, turns: Turns) -> None:
    """Write the raw features of the conversation around the last user turn."""
    messages = request.messages
    if len(messages) == 1 and not request.tools:
        row[0] = messages[0].role == "user"
        row[-1] = messages[0].images
        return
    roles = [message.role for message in messages]
    last = last_user_turn(messages)
    answer = next((message.text for message in reversed(messages[:last]) if message.role == "assistant"), "")
    rest = turns.rest if len(turns.rest) <= _REST_CHARS else turns.rest[-_REST_CHARS:]
    row[:] = (
        roles.count("user"),
        roles.count("assistant"),
        roles.count("tool"),
        len(turns.rest),
        sum([len(message.text) for message in messages if message.role in ("system", "developer")]),
        len(answer),
        rest.count("\n"),
        len(blank_non_digits(to_symbols(rest)).split()),
        rest.count("?"),
        rest.count("```"),
        answer.rstrip().endswith("?"),
        len(roles) - 1 - last,
        request.tools,
        sum([message.tool_calls for message in messages]),
        sum([message.images for message in messages]),
    )
