"""Validates rows batch by batch: valid rows go to the frame builder, all others to quarantine."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from serving.decision import BadRequest, Message
from training.errors import MissingColumns
from training.records.frame_builder import FrameBuilder, KeptRows
from training.records.quarantine import Quarantine, QuarantinedExample
from training.records.readers import Column, ReadLimits, Rows, objects
from training.records.row_errors import RowErrors
from training.records.schema import (
    FAILURE_MODES,
    IDS,
    KNOWN,
    LABELS,
    NUMBERS,
    RangeChecks,
    read_labels,
    read_numbers,
    read_times,
)
from training.records.text_pool import Text, TextPool, as_json, conversation, is_missing
from training.types import BoolArray

_COLUMNS_SHOWN = 12


@dataclass(slots=True)
class _Texts:
    """The request text of each row, as codes into the builder's text pools, and its prompt id."""

    prompt: NDArray[np.int32]
    messages: NDArray[np.int32]
    prompt_ids: list[str | None]


class RowValidator:
    """Validates the batches of all files and collects the valid rows.

    Parameters
    ----------
    arms
        The arms that may occur; None to take any.
    quarantine
        Where rows that fail validation go.
    carry
        Keep unknown columns.
    outcomes
        Rows need an arm and the columns of an outcome; False for prompts to score.
    """

    def __init__(
        self, arms: Sequence[str] | None, quarantine: Quarantine, limits: ReadLimits, *, carry: bool, outcomes: bool
    ) -> None:
        self.limits = limits
        self.columns = None if carry else KNOWN
        self.builder = FrameBuilder()
        self.rows_read = 0
        self.warnings: Counter[str] = Counter()
        self.without_request_id = 0
        self._quarantine = quarantine
        self._outcomes = outcomes
        self._ranges = RangeChecks(arms)
        self._sources: set[str] = set()
        self._seen_ids: set[int] = set()
        self._extras: set[str] = set()

    def add_batch(self, source: str, rows: Rows) -> None:
        """Validate a batch of rows.

        Raises
        ------
        MissingColumns
            If it is the first of its file and none of its rows has a core column.
        """
        for unreadable in rows.unreadable:
            self._quarantine.add(
                QuarantinedExample(source, unreadable.line, unreadable.kind, unreadable.reason), unreadable.text
            )
        if len(rows):
            if source not in self._sources:
                _require_columns(source, rows.names, outcomes=self._outcomes)
                self._sources.add(source)
            errors = RowErrors()
            kept = self._validate(rows, errors)
            for error in errors:
                line = int(rows.lines[error.index])
                self._quarantine.add(QuarantinedExample(source, line, error.kind, error.reason), rows.row(error.index))
            self.builder.add(kept)
        self.rows_read += len(rows) + len(rows.unreadable)

    def _validate(self, rows: Rows, errors: RowErrors) -> KeptRows:
        size = len(rows)
        numbers = {name: read_numbers(rows.column(name), size, name, errors) for name in NUMBERS}
        numbers["timestamp"] = read_times(rows.column("timestamp"), size, errors)
        labels = {name: read_labels(rows.column(name), size, name, errors) for name in LABELS}
        ids = {name: read_labels(rows.column(name), size, name, errors) for name in IDS}
        self._ranges.check(pd.DataFrame({**numbers, "arm": pd.Series(labels["arm"], dtype=object)}), errors)
        if self._outcomes:
            for index, arm in enumerate(labels["arm"]):
                if arm is None:
                    errors.add(index, "no arm", "arm is empty: name the arm that served this call")
        texts = self._read_texts(rows, errors)
        self._check_duplicates(ids["request_id"], errors)
        mask = errors.valid_rows(size)
        numbers["propensity"] = np.where(np.isnan(numbers["propensity"]), 1.0, numbers["propensity"])
        ids["prompt_id"] = [given or own for given, own in zip(ids["prompt_id"], texts.prompt_ids, strict=True)]
        has_request_id = np.array([name is not None for name in ids["request_id"]], np.bool_)
        ids["request_id"] = [name or f"row:{self.rows_read + index}" for index, name in enumerate(ids["request_id"], 1)]
        kept = KeptRows(
            numbers={name: values[mask] for name, values in numbers.items()},
            labels={name: list(compress(cells, mask)) for name, cells in labels.items()},
            ids={name: list(compress(cells, mask)) for name, cells in ids.items()},
            prompt=texts.prompt[mask],
            messages=texts.messages[mask],
            has_request_id=has_request_id[mask],
            extras=self._read_extras(rows, mask),
        )
        self._count_warnings(kept)
        return kept

    def _read_texts(self, rows: Rows, errors: RowErrors) -> _Texts:
        size = len(rows)
        texts = _Texts(np.full(size, -1, np.int32), np.full(size, -1, np.int32), [None] * size)
        prompts, chats = (
            [None] * size if column is None else objects(column)
            for column in (rows.column("prompt"), rows.column("messages"))
        )
        for index, (prompt, chat) in enumerate(zip(prompts, chats, strict=True)):
            if index in errors:
                continue
            text = self._text(prompt, chat, index, errors)
            if text is None:
                continue
            texts.prompt_ids[index] = text.prompt_id
            if is_missing(chat):
                texts.prompt[index] = text.code
            else:
                texts.messages[index] = text.code
                texts.prompt[index] = self._carried_prompt(prompt)
        return texts

    def _text(self, prompt: object, chat: object, index: int, errors: RowErrors) -> Text | None:
        """Intern the request text of a row; None if it is not valid."""
        if isinstance(prompt, bytes) or isinstance(chat, bytes):
            errors.add(index, "not UTF-8", "the prompt holds bytes that are not UTF-8: write it as UTF-8 text")
            return None
        try:
            if is_missing(chat):
                if is_missing(prompt):
                    raise BadRequest("the prompt is empty: send the text that the model was asked")
                text, pool = (prompt if isinstance(prompt, str) else ""), self.builder.prompts
            else:
                text, pool = as_json(chat), self.builder.messages
            key = TextPool.key(text)
            known = pool.find(key)
            if known is not None and text:
                return known
            turns = conversation(prompt, None if is_missing(chat) else text)
        except BadRequest as error:
            kind = "messages not readable" if not is_missing(chat) else "empty prompt"
            errors.add(index, "prompt is not text" if _is_not_text(prompt, chat) else kind, str(error))
            return None
        return None if self._is_too_long(turns, index, errors) else pool.add(key, text, turns)

    def _is_too_long(self, turns: tuple[Message, ...], index: int, errors: RowErrors) -> bool:
        length, limit = sum(len(turn.text) for turn in turns), self.limits.max_prompt_chars
        if length > limit:
            reason = f"prompt of {length} characters; at most {limit} are read. Shorten it, or raise max_prompt_chars"
            errors.add(index, "prompt too long", reason)
        return length > limit

    def _carried_prompt(self, prompt: object) -> int:
        """Intern a prompt that a row has beside its messages; -1 if it is empty, too long or not text."""
        if not isinstance(prompt, str) or not prompt.strip() or len(prompt) > self.limits.max_prompt_chars:
            return -1
        key = TextPool.key(prompt)
        known = self.builder.prompts.find(key)
        return (known or self.builder.prompts.add(key, prompt, conversation(prompt, None))).code

    def _check_duplicates(self, ids: Sequence[str | None], errors: RowErrors) -> None:
        """Reject rows whose request id an earlier valid row of any file has."""
        indices = [index for index, name in enumerate(ids) if name is not None and index not in errors]
        hashes = pd.util.hash_array(np.array([ids[index] for index in indices], object), categorize=False)
        for index, hashed in zip(indices, hashes.tolist(), strict=True):
            if hashed in self._seen_ids:
                errors.add(index, "duplicate request_id", "request_id came before; the first row of it is kept")
            self._seen_ids.add(hashed)

    def _read_extras(self, rows: Rows, mask: BoolArray) -> Mapping[str, Column]:
        extras: dict[str, Column] = {}
        for name in rows.names if self.columns is None else ():
            if name in KNOWN:
                continue
            if name not in self._extras and len(self._extras) >= self.limits.max_extra_columns:
                self.warnings["unknown columns of a batch left behind"] += 1
                continue
            self._extras.add(name)
            cells = rows.column(name)
            if cells is not None:
                extras[name] = cells.filter(pa.array(mask)) if isinstance(cells, pa.Array) else [*compress(cells, mask)]
        return extras

    def _count_warnings(self, kept: KeptRows) -> None:
        numbers = kept.numbers
        self.without_request_id += int((~kept.has_request_id).sum())
        self.warnings["reasoning_tokens above output_tokens, whose part they are"] += int(
            (numbers["reasoning_tokens"] > numbers["output_tokens"]).sum()
        )
        self.warnings["cached_input_tokens above input_tokens, whose part they are"] += int(
            (numbers["cached_input_tokens"] > numbers["input_tokens"]).sum()
        )
        self.warnings["failure_mode outside the taxonomy"] += sum(
            mode is not None and mode not in FAILURE_MODES for mode in kept.labels["failure_mode"]
        )


def _is_not_text(prompt: object, chat: object) -> bool:
    return is_missing(chat) and not is_missing(prompt) and not isinstance(prompt, str)


def _require_columns(source: str, names: Sequence[str], *, outcomes: bool) -> None:
    missing = [name for name in ("arm", "success") if outcomes and name not in names]
    if "prompt" not in names and "messages" not in names:
        missing.insert(0, "prompt (or messages)")
    if not missing:
        return
    found = ", ".join(name[:40] for name in names[:_COLUMNS_SHOWN]) + (", ..." if len(names) > _COLUMNS_SHOWN else "")
    lower = {name.lower(): name for name in names}
    hints = []
    for name in missing:
        close = difflib.get_close_matches(name.split()[0], lower, n=1)
        hints += [f"{lower[close[0]]} looks like {name.split()[0]}"] if close else []
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        hints = ["the fields are not parted by commas: write the file with commas"]
    advice = "; ".join(hints) or "see data/README.md for the columns"
    raise MissingColumns(f"{source}: no column {', '.join(missing)}. Found: {found}. Rename or add columns: {advice}")
