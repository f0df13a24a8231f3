"""Judges rows batch by batch: the good ones go to the store, the bad ones to quarantine."""

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

from serving.decision.errors import BadRequest
from serving.decision.types import Message
from training.errors import MissingColumns
from training.records.frame_builder import FrameBuilder, KeptRows
from training.records.quarantine import Quarantine, QuarantinedExample
from training.records.readers.rows import Column, ReadLimits, Rows, objects
from training.records.row_errors import RowErrors
from training.records.schema import (
    FAILURE_MODES,
    IDS,
    KNOWN,
    LABELS,
    NUMBERS,
    Rules,
    read_labels,
    read_numbers,
    read_times,
)
from training.records.text_pool import Text, TextPool, as_json, conversation, is_missing

_SHOWN = 12


@dataclass(slots=True)
class _Texts:
    """What each row was asked, as codes into the store's pools, and the prompt it is."""

    prompt: NDArray[np.int32]
    messages: NDArray[np.int32]
    prompt_ids: list[str | None]


class Reader:
    """Takes the batches of all files.

    Parameters
    ----------
    arms
        The arms that may occur; None to take any.
    bad
        Where bad rows go.
    carry
        Keep unknown columns.
    outcomes
        Rows must have an arm, and the columns of an outcome.
    """

    def __init__(
        self, arms: Sequence[str] | None, bad: Quarantine, limits: ReadLimits, *, carry: bool, outcomes: bool
    ) -> None:
        self.limits = limits
        self.only = None if carry else KNOWN
        self.store = FrameBuilder()
        self.seen = 0
        self.doubts: Counter[str] = Counter()
        self.unnamed = 0
        self._bad = bad
        self._outcomes = outcomes
        self._rules = Rules(arms)
        self._sources: set[str] = set()
        self._ids: set[int] = set()
        self._extras: set[str] = set()

    def take(self, source: str, rows: Rows) -> None:
        """Judge a batch.

        Raises
        ------
        MissingColumns
            If it is the first of its file and none of its rows has a core column.
        """
        for spoiled in rows.spoiled:
            self._bad.put(QuarantinedExample(source, spoiled.line, spoiled.kind, spoiled.reason), spoiled.text)
        if len(rows):
            if source not in self._sources:
                _require_columns(source, rows.names, outcomes=self._outcomes)
                self._sources.add(source)
            faults = RowErrors()
            kept = self._judge(rows, faults)
            for fault in faults:
                line = int(rows.lines[fault.place])
                self._bad.put(QuarantinedExample(source, line, fault.kind, fault.reason), rows.row(fault.place))
            self.store.add(kept)
        self.seen += len(rows) + len(rows.spoiled)

    def _judge(self, rows: Rows, faults: RowErrors) -> KeptRows:
        size = len(rows)
        numbers = {name: read_numbers(rows.column(name), size, name, faults) for name in NUMBERS}
        numbers["timestamp"] = read_times(rows.column("timestamp"), size, faults)
        labels = {name: read_labels(rows.column(name), size, name, faults) for name in LABELS}
        ids = {name: read_labels(rows.column(name), size, name, faults) for name in IDS}
        self._rules.check(pd.DataFrame({**numbers, "arm": pd.Series(labels["arm"], dtype=object)}), faults)
        if self._outcomes:
            for place, arm in enumerate(labels["arm"]):
                if arm is None:
                    faults.note(place, "no arm", "arm is empty: name the arm that served this call")
        texts = self._read_texts(rows, faults)
        self._note_repeats(ids["request_id"], faults)
        mask = faults.spared(size)
        numbers["propensity"] = np.where(np.isnan(numbers["propensity"]), 1.0, numbers["propensity"])
        ids["prompt_id"] = [given or own for given, own in zip(ids["prompt_id"], texts.prompt_ids, strict=True)]
        named = np.array([name is not None for name in ids["request_id"]], np.bool_)
        ids["request_id"] = [name or f"row:{self.seen + place}" for place, name in enumerate(ids["request_id"], 1)]
        kept = KeptRows(
            numbers={name: values[mask] for name, values in numbers.items()},
            labels={name: list(compress(cells, mask)) for name, cells in labels.items()},
            ids={name: list(compress(cells, mask)) for name, cells in ids.items()},
            prompt=texts.prompt[mask],
            messages=texts.messages[mask],
            named=named[mask],
            extras=self._read_extras(rows, mask),
        )
        self._note_doubts(kept)
        return kept

    def _read_texts(self, rows: Rows, faults: RowErrors) -> _Texts:
        size = len(rows)
        texts = _Texts(np.full(size, -1, np.int32), np.full(size, -1, np.int32), [None] * size)
        prompts, chats = (
            [None] * size if column is None else objects(column)
            for column in (rows.column("prompt"), rows.column("messages"))
        )
        for place, (prompt, chat) in enumerate(zip(prompts, chats, strict=True)):
            if place in faults:
                continue
            asked = self._text(prompt, chat, place, faults)
            if asked is None:
                continue
            texts.prompt_ids[place] = asked.prompt_id
            if is_missing(chat):
                texts.prompt[place] = asked.code
            else:
                texts.messages[place] = asked.code
                texts.prompt[place] = self._carried_prompt(prompt)
        return texts

    def _text(self, prompt: object, chat: object, place: int, faults: RowErrors) -> Text | None:
        """Intern what a row was asked; None after a fault."""
        if isinstance(prompt, bytes) or isinstance(chat, bytes):
            faults.note(place, "not UTF-8", "the prompt holds bytes that are not UTF-8: write it as UTF-8 text")
            return None
        try:
            if is_missing(chat):
                if is_missing(prompt):
                    raise BadRequest("the prompt is empty: send the text that the model was asked")
                text, pool = (prompt if isinstance(prompt, str) else ""), self.store.prompts
            else:
                text, pool = as_json(chat), self.store.messages
            key = TextPool.key(text)
            known = pool.find(key)
            if known is not None and text:
                return known
            turns = conversation(prompt, None if is_missing(chat) else text)
        except BadRequest as error:
            kind = "messages not readable" if not is_missing(chat) else "empty prompt"
            faults.note(place, "prompt is not text" if _is_foreign(prompt, chat) else kind, str(error))
            return None
        return None if self._is_too_long(turns, place, faults) else pool.add(key, text, turns)

    def _is_too_long(self, turns: tuple[Message, ...], place: int, faults: RowErrors) -> bool:
        length, limit = sum(len(turn.text) for turn in turns), self.limits.max_prompt_chars
        if length > limit:
            reason = f"prompt of {length} characters; at most {limit} are read. Shorten it, or raise max_prompt_chars"
            faults.note(place, "prompt too long", reason)
        return length > limit

    def _carried_prompt(self, prompt: object) -> int:
        """Intern a prompt that stands beside messages; -1 if it holds nothing that can be carried."""
        if not isinstance(prompt, str) or not prompt.strip() or len(prompt) > self.limits.max_prompt_chars:
            return -1
        key = TextPool.key(prompt)
        known = self.store.prompts.find(key)
        return (known or self.store.prompts.add(key, prompt, conversation(prompt, None))).code

    def _note_repeats(self, ids: Sequence[str | None], faults: RowErrors) -> None:
        """Send every row to quarantine whose request id a good row had before, in whatever file."""
        places = [place for place, name in enumerate(ids) if name is not None and place not in faults]
        hashes = pd.util.hash_array(np.array([ids[place] for place in places], object), categorize=False)
        for place, hashed in zip(places, hashes.tolist(), strict=True):
            if hashed in self._ids:
                faults.note(place, "duplicate request_id", "request_id came before; the first row of it is kept")
            self._ids.add(hashed)

    def _read_extras(self, rows: Rows, mask: NDArray[np.bool_]) -> Mapping[str, Column]:
        extras: dict[str, Column] = {}
        for name in rows.names if self.only is None else ():
            if name in KNOWN:
                continue
            if name not in self._extras and len(self._extras) >= self.limits.max_extra_columns:
                self.doubts["unknown columns of a batch left behind"] += 1
                continue
            self._extras.add(name)
            cells = rows.column(name)
            if cells is not None:
                extras[name] = cells.filter(pa.array(mask)) if isinstance(cells, pa.Array) else [*compress(cells, mask)]
        return extras

    def _note_doubts(self, kept: KeptRows) -> None:
        numbers = kept.numbers
        self.unnamed += int((~kept.named).sum())
        self.doubts["reasoning_tokens above output_tokens, whose part they are"] += int(
            (numbers["reasoning_tokens"] > numbers["output_tokens"]).sum()
        )
        self.doubts["cached_input_tokens above input_tokens, whose part they are"] += int(
            (numbers["cached_input_tokens"] > numbers["input_tokens"]).sum()
        )
        self.doubts["failure_mode outside the taxonomy"] += sum(
            mode is not None and mode not in FAILURE_MODES for mode in kept.labels["failure_mode"]
        )


def _is_foreign(prompt: object, chat: object) -> bool:
    return is_missing(chat) and not is_missing(prompt) and not isinstance(prompt, str)


def _require_columns(source: str, names: Sequence[str], *, outcomes: bool) -> None:
    missing = [name for name in ("arm", "success") if outcomes and name not in names]
    if "prompt" not in names and "messages" not in names:
        missing.insert(0, "prompt (or messages)")
    if not missing:
        return
    found = ", ".join(name[:40] for name in names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    lower = {name.lower(): name for name in names}
    hints = []
    for name in missing:
        close = difflib.get_close_matches(name.split()[0], lower, n=1)
        hints += [f"{lower[close[0]]} looks like {name.split()[0]}"] if close else []
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        hints = ["the fields are not parted by commas: write the file with commas"]
    advice = "; ".join(hints) or "see data/README.md for the columns"
    raise MissingColumns(f"{source}: no column {', '.join(missing)}. Found: {found}. Rename or add columns: {advice}")
