"""Accumulates valid rows by column and builds one DataFrame; repeated labels and texts are stored once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from serving.decision import clean
from training.records.readers import Column, objects
from training.records.schema import IDS, KNOWN, LABELS, NUMBERS, TEXTS
from training.records.text_pool import TextPool
from training.types import Array, BoolArray

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_QUANTITIES: Final = (*NUMBERS, "timestamp")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """An order-independent, additive fingerprint of row hashes: fingerprints of parts add up to that of the whole."""

    rows: int = 0
    sum: int = 0
    mixed_sum: int = 0

    @staticmethod
    def of(hashes: NDArray[np.uint64]) -> Fingerprint:
        """Sum hashes, uint64 (n,), and the same hashes after a bit mixer."""
        mixed_sum = (hashes ^ (hashes >> np.uint64(29))) * _MULTIPLIER
        mixed_sum ^= mixed_sum >> np.uint64(32)
        return Fingerprint(len(hashes), int(hashes.sum(dtype=np.uint64)), int(mixed_sum.sum(dtype=np.uint64)))

    def __add__(self, other: Fingerprint) -> Fingerprint:
        wide = 1 << 64
        return Fingerprint(
            self.rows + other.rows, (self.sum + other.sum) % wide, (self.mixed_sum + other.mixed_sum) % wide
        )

    @property
    def digest(self) -> str:
        """sha256 hex."""
        return hashlib.sha256(f"{self.rows}:{self.sum}:{self.mixed_sum}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class KeptRows:
    """The valid rows of a batch.

    Parameters
    ----------
    numbers
        float64 (n,) by column, timestamp included.
    labels, ids
        Text or None by column.
    prompt, messages
        int32 (n,), codes in the text pools; -1 where missing.
    has_request_id
        bool (n,): the request id came with the row.
    extras
        Cells of unknown columns.
    """

    numbers: Mapping[str, Array]
    labels: Mapping[str, Sequence[str | None]]
    ids: Mapping[str, Sequence[str | None]]
    prompt: NDArray[np.int32]
    messages: NDArray[np.int32]
    has_request_id: BoolArray
    extras: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.prompt)


class FrameBuilder:
    """Accumulates the valid rows of all batches."""

    def __init__(self) -> None:
        self.prompts = TextPool()
        self.messages = TextPool()
        self._numbers: dict[str, list[Array]] = {name: [] for name in _QUANTITIES}
        self._labels: dict[str, list[NDArray[np.int32]]] = {name: [] for name in LABELS}
        self._label_codes: dict[str, dict[str, int]] = {name: {} for name in LABELS}
        self._ids: dict[str, list[pa.Array]] = {name: [] for name in IDS}
        self._texts: dict[str, list[NDArray[np.int32]]] = {"prompt": [], "messages": []}
        self._named: list[BoolArray] = []
        self._extras: dict[str, dict[int, pa.Array]] = {}
        self._sizes: list[int] = []

    def add(self, kept: KeptRows) -> None:
        """Append a batch."""
        for name, values in kept.numbers.items():
            self._numbers[name].append(values)
        for name, labels in kept.labels.items():
            codes = self._label_codes[name]
            codes_of_rows = [-1 if label is None else codes.setdefault(label, len(codes)) for label in labels]
            self._labels[name].append(np.array(codes_of_rows, np.int32))
        for name, ids in kept.ids.items():
            self._ids[name].append(pa.array(ids, pa.large_string()))
        self._texts["prompt"].append(kept.prompt)
        self._texts["messages"].append(kept.messages)
        self._named.append(kept.has_request_id)
        for name, cells in kept.extras.items():
            self._extras.setdefault(name, {})[len(self._sizes)] = _typed_extra(cells)
        self._sizes.append(len(kept))
        self.prompts.flush()
        self.messages.flush()

    def frame(self) -> pd.DataFrame:
        """Build the frame and release the buffers; known columns come first, with types independent of the data."""
        columns: dict[str, object] = {}
        for name in _QUANTITIES:
            columns[name] = np.concatenate([*self._numbers.pop(name), np.empty(0)])
        for name in LABELS:
            codes = np.concatenate([*self._labels.pop(name), np.empty(0, np.int32)])
            columns[name] = pd.Categorical.from_codes(
                cast("Sequence[int]", codes), categories=pd.Index(list(self._label_codes[name]), dtype=object)
            )
        for name in IDS:
            columns[name] = pd.arrays.ArrowExtensionArray(pa.chunked_array(self._ids.pop(name), pa.large_string()))
        for name, pool in (("prompt", self.prompts), ("messages", self.messages)):
            columns[name] = pool.column(np.concatenate([*self._texts.pop(name), np.empty(0, np.int32)]))
        extras = {name: _concatenate(parts, self._sizes) for name, parts in self._extras.items()}
        self._extras = {}
        return pd.DataFrame({**{name: columns[name] for name in KNOWN}, **extras}, copy=False)

    def row_hashes(self, frame: pd.DataFrame) -> NDArray[np.uint64]:
        """Hash the known columns of each row, uint64 (n,); a request id counts only where it came with the row."""
        rows: NDArray[np.uint64] = np.zeros(len(frame), np.uint64)
        for name in KNOWN:  # one column at a time: all of them as Python objects would double the memory
            if name == "group" and not frame[name].notna().any():
                continue  # a history without groups keeps the hash that it had before there were any
            rows *= _MULTIPLIER
            rows += self._hashes(frame, name)
        return rows

    def has_request_id(self) -> BoolArray:
        """Return which rows came with a request id, bool (n,)."""
        return np.concatenate([*self._named, np.empty(0, np.bool_)])

    def _hashes(self, frame: pd.DataFrame, name: str) -> NDArray[np.uint64]:
        """Hash each cell of a known column."""
        if name in TEXTS:
            keys = (self.prompts if name == "prompt" else self.messages).text_hashes()
            return np.append(keys, np.uint64(0))[np.asarray(frame[name].cat.codes, np.int64)]
        column = frame[name]
        if name in _QUANTITIES:
            column = column + 0.0  # -0 is 0
        elif name in IDS:
            column = column.astype(object).fillna("")
        hashes: NDArray[np.uint64] = np.asarray(pd.util.hash_pandas_object(column, index=False), np.uint64)
        if name == "request_id":
            hashes = np.where(self.has_request_id(), hashes, np.uint64(0))
        return hashes

    def prompt_hashes(self, frame: pd.DataFrame) -> NDArray[np.uint64]:
        """Return a hash of each row's normalised prompt, uint64 (n,), whatever prompt id the file gives."""
        prompts, messages = (np.asarray(frame[name].cat.codes, np.int64) for name in TEXTS)
        own = np.append(self.prompts.prompt_hashes(), np.uint64(0))[prompts]
        return np.where(messages < 0, own, np.append(self.messages.prompt_hashes(), np.uint64(0))[messages])


def _typed_extra(cells: Column) -> pa.Array:
    """Convert the cells of an unknown column to an Arrow array: of the inferred type, else text."""
    if isinstance(cells, pa.Array):
        plain = cells.dictionary_decode() if pa.types.is_dictionary(cells.type) else cells
        return plain.cast(pa.large_string()) if pa.types.is_string(plain.type) else plain
    try:
        found = pa.array(cells)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return _as_text(cells)
    return found.cast(pa.large_string()) if pa.types.is_string(found.type) else found


def _as_text(cells: Column) -> pa.Array:
    """Convert cells of mixed types to text: strings stay, all else becomes JSON."""
    texts = [None if cell is None else _text(cell) for cell in objects(cells)]
    return pa.array(texts, pa.large_string())


def _text(cell: object) -> str:
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "backslashreplace")
    return clean(json.dumps(cell, ensure_ascii=False, default=str))


def _concatenate(parts: Mapping[int, pa.Array], sizes: Sequence[int]) -> object:
    """Concatenate the batches of an unknown column; of differing types, numbers become float64 and all else text."""
    types = {part.type for part in parts.values() if not pa.types.is_null(part.type)}
    kind = next(iter(types)) if len(types) == 1 else pa.float64()
    if len(types) != 1 and not all(pa.types.is_integer(one) or pa.types.is_floating(one) for one in types):
        kind = pa.large_string()
        parts = {batch: _as_text(part) for batch, part in parts.items()}
    chunks = [parts[batch].cast(kind) if batch in parts else pa.nulls(size, kind) for batch, size in enumerate(sizes)]
    joined = pa.chunked_array(chunks, kind)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return joined.to_pandas()
    return pd.arrays.ArrowExtensionArray(joined)
