"""The group of a call: the unit of every fold, window, interval and test.

A call's group is its session, else the cluster of near-duplicates of its text, else its prompt. A later turn of a
session holds the text of the earlier ones, and copies of a request share what is special about it: calls of one group
are not independent, and a group never straddles a fold. A session of one call says nothing, so its text counts.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.decision import BadRequest, Message
from training.records.near_duplicates import near_duplicates, text_key
from training.records.text_pool import conversation, iter_cells
from training.types import Array, IntArray

_MIN_CHARS: Final = 12
"""A shorter first turn ('Hi') does not tell a conversation: all its turns count."""
_SEPARATOR: Final = "\n"


def call_groups(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Name the group of every call; object (rows,), no None. Does not depend on the order of the rows.

    A given `group` stays. Clusters are named after the masked text of their earliest call, so that a name outlasts
    calls that come later.

    Parameters
    ----------
    frame
        `prompt` or `messages`; `group`, `session_id`, `prompt_id` and `timestamp` where there are any.

    Examples
    --------
    >>> calls = pd.DataFrame({"prompt": ["Ticket 1: my card fails", "Ticket 2: my card fails", "Bye"]})
    >>> first, second, other = call_groups(calls)
    >>> first == second, first == other
    (True, False)
    """
    groups = _column(frame, "group")
    sessions = _column(frame, "session_id")
    sessions[pd.isna(groups) & _single(sessions, groups)] = None
    named = pd.isna(groups) & ~pd.isna(sessions)
    groups[named] = [f"session:{name}" for name in sessions[named]]
    rows = np.flatnonzero(pd.isna(groups))
    if len(rows):
        groups[rows] = _cluster_names(frame, rows)
    return groups


def _column(frame: pd.DataFrame, name: str) -> NDArray[np.object_]:
    if name not in frame:
        return np.full(len(frame), None, object)
    values = frame[name].astype(object).to_numpy(copy=True)
    values[pd.isna(values)] = None
    return np.asarray(values, object)


def _single(sessions: NDArray[np.object_], groups: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which calls are the only ones of their session."""
    codes = pd.factorize(sessions)[0]
    counts = np.bincount(codes[(codes >= 0) & pd.isna(groups)], minlength=codes.max(initial=0) + 1)
    return np.asarray((codes >= 0) & (counts[codes] == 1), np.bool_)


def _cluster_names(frame: pd.DataFrame, rows: IntArray) -> NDArray[np.object_]:
    texts, place = _texts(frame, rows)
    keys = np.array([text_key(text) for text in texts], object)
    cluster = near_duplicates(texts)[place]
    times = _times(frame, rows)
    order = np.lexsort((keys[place].astype(str), np.where(np.isnan(times), np.inf, times)))
    _, first = np.unique(cluster[order], return_index=True)
    names = np.array([f"text:{keys[place[order[row]]]}" for row in first], object)
    return np.asarray(names[cluster], object)


def _times(frame: pd.DataFrame, rows: IntArray) -> Array:
    if "timestamp" not in frame:
        return np.full(len(rows), np.nan)
    return np.asarray(frame["timestamp"].to_numpy(np.float64, na_value=np.nan)[rows], np.float64)


def _texts(frame: pd.DataFrame, rows: IntArray) -> tuple[list[str], IntArray]:
    """Return the distinct texts that tell the requests apart, and the text of each row."""
    texts: dict[str, int] = {}
    known: dict[tuple[int, int], int] = {}  # equal categories are one object, parsed once
    place = np.empty(len(rows), np.int64)
    pairs = zip(iter_cells(frame.get("prompt"), rows), iter_cells(frame.get("messages"), rows), strict=True)
    kept = []
    for index, (prompt, messages) in enumerate(pairs):
        key = (id(prompt), id(messages))
        if key not in known:
            kept.append((prompt, messages))  # alive, so that no other object gets the same id
            text = _telling_text(prompt, messages)
            known[key] = texts.setdefault(text, len(texts))
        place[index] = known[key]
    return list(texts), place


def _telling_text(prompt: object, messages: object) -> str:
    """Text by which a request is compared: the first turn of the user, which all later turns repeat."""
    try:
        turns = conversation(prompt, messages)
    except BadRequest:
        return ""
    own = [turn for turn in turns if turn.role == "user"] or list(turns)
    first = own[0].text
    return first if len(first.strip()) >= _MIN_CHARS or len(own) == 1 else _joined(own)


def _joined(turns: list[Message]) -> str:
    return _SEPARATOR.join(turn.text for turn in turns)
