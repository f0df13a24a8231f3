"""Interns the distinct texts of a history and identifies texts that normalise to the same prompt."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from serving.decision import PROMPT_ID_BYTES, BadRequest, Message, clean, from_prompt, parse_messages, prompt_id
from training.types import IntArray

_KEY_BYTES: Final = PROMPT_ID_BYTES


def is_missing(value: object) -> bool:
    """Return whether a cell is missing: None, NaN, pandas' NA or an empty string.

    Examples
    --------
    >>> [is_missing(value) for value in (None, float("nan"), "", " ", 0, [])]
    [True, True, True, False, False, False]
    """
    return (
        value is None
        or value is pd.NA
        or (isinstance(value, float) and math.isnan(value))
        or (isinstance(value, str) and not value)
    )


def conversation(prompt: object, messages: object) -> tuple[Message, ...]:
    """Parse the request of a row; where it has both, `messages` is the request and `prompt` is ignored.

    Parameters
    ----------
    prompt
        Text, or a missing value.
    messages
        OpenAI chat form as a list or as JSON text, or a missing value.

    Raises
    ------
    BadRequest
        If neither holds a conversation, or it is empty.

    Examples
    --------
    >>> conversation("Hi", None)
    (Message(role='user', text='Hi', images=0, tool_calls=0),)
    >>> conversation(None, '[{"role": "user", "content": "Hi"}]') == conversation("Hi", None)
    True
    """
    if is_missing(messages):
        if is_missing(prompt):
            raise BadRequest("neither prompt nor messages: one of them must be there")
        return from_prompt(prompt)
    return parse_messages(_parsed(messages) if isinstance(messages, str | bytes) else _plain(messages))


def as_json(messages: object) -> str:
    """Serialise a `messages` cell as JSON text; text stays as it is.

    Raises
    ------
    BadRequest
        If it is not serialisable.
    """
    if isinstance(messages, str):
        return messages
    try:
        return json.dumps(_plain(messages), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest("messages can't be written as JSON: use objects with role and content") from error


@dataclass(frozen=True, slots=True)
class Text:
    """A distinct text of the history.

    Parameters
    ----------
    code
        Index in the pool.
    prompt_id
        Id of the normalised prompt.
    """

    code: int
    prompt_id: str


class TextPool:
    """Distinct texts in order of first occurrence; a repeated prompt costs 4 bytes a row.

    Texts are identified by a 128-bit hash. One pool holds either prompts or messages.
    """

    def __init__(self) -> None:
        self._codes: dict[bytes, int] = {}
        self._ids = bytearray()
        self._chunks: list[pa.Array] = []
        self._pending: list[str] = []

    @staticmethod
    def key(text: str) -> bytes:
        """Hash a text."""
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()

    def find(self, key: bytes) -> Text | None:
        """Look a text up by its hash."""
        code = self._codes.get(key)
        if code is None:
            return None
        return Text(code, self._ids[_KEY_BYTES * code : _KEY_BYTES * (code + 1)].hex())

    def add(self, key: bytes, text: str, messages: Iterable[Message]) -> Text:
        """Add a text that is not in the pool yet."""
        code = len(self._codes)
        identity = prompt_id(messages)
        self._codes[key] = code
        self._ids += bytes.fromhex(identity)
        self._pending.append(clean(text))
        return Text(code, identity)

    def flush(self) -> None:
        """Move the texts added since the last call into Arrow memory; called after every batch."""
        if self._pending:
            self._chunks.append(pa.array(self._pending, pa.large_string()))
            self._pending = []

    def column(self, codes: NDArray[np.int32]) -> pd.Categorical:
        """Return the texts of all rows, codes int32 (n,); -1 is a missing value."""
        self.flush()
        texts = pd.arrays.ArrowExtensionArray(pa.chunked_array(self._chunks, pa.large_string()))
        return pd.Categorical.from_codes(cast("Sequence[int]", codes), categories=pd.Index(texts))

    def text_hashes(self) -> NDArray[np.uint64]:
        """Return 64 bits of each text's hash, uint64, in the order of the codes."""
        return np.frombuffer(b"".join(self._codes), np.uint64)[::2]

    def prompt_hashes(self) -> NDArray[np.uint64]:
        """Return 64 bits of each text's prompt id, uint64, in the order of the codes."""
        return np.frombuffer(bytes(self._ids), np.uint64)[::2]


def iter_cells(column: pd.Series | None, rows: IntArray) -> Iterator[object]:
    """Yield the cells of some rows of a column; equal categories yield the same object."""
    if column is None:
        yield from [None] * len(rows)
    elif isinstance(column.dtype, pd.CategoricalDtype):
        values = column.cat.categories.tolist()
        for code in column.cat.codes.to_numpy()[rows]:
            yield None if code < 0 else values[code]
    else:
        yield from column.iloc[rows].tolist()


def _parsed(text: str | bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(text)  # takes lone surrogates, which orjson refuses
    except (ValueError, RecursionError) as error:
        raise BadRequest("messages is text but no JSON: write a list of objects with role and content") from error


def _plain(value: object) -> object:
    """Convert nested arrays of Parquet cells to lists."""
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value
