"""Turns requests into the arrays that the graph takes, the same way in training and in serving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.decision.conversation import Turns, split
from serving.decision.features import FEATURE_NAMES, extract
from serving.decision.tokens import Tokenizer
from serving.decision.types import ModelInput, Request

__all__ = ["Limits", "Turns", "cap", "prepare", "split"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a conversation the encoder reads.

    Parameters
    ----------
    max_chars
        Characters kept of each part (last user turn, rest): half from its head, half from its tail.
    max_tokens
        Tokens kept of both parts together, special ones included; the last user turn gets at least three quarters
        where it needs them.
    special_tokens
        Wrap each part in the model's special tokens ([CLS] ... [SEP]): for the transformer tier.
    """

    max_chars: int = 4000
    max_tokens: int = 512
    special_tokens: bool = False


def cap(text: str, max_chars: int) -> str:
    """Keep the head and the tail of a long text, joined by a newline.

    Examples
    --------
    >>> cap("abcdefgh", 4)
    'ab\\ngh'
    >>> cap("abcd", 4)
    'abcd'
    """
    if len(text) <= max_chars:
        return text
    tail = max_chars // 2
    return f"{text[: max_chars - tail]}\n{text[len(text) - tail :]}"


def prepare(requests: Sequence[Request], tokenizer: Tokenizer, limits: Limits) -> ModelInput:
    """Encode a batch.

    Parameters
    ----------
    requests
        n of them.
    tokenizer
        The bundle's own.
    limits
        The bundle's own.

    Returns
    -------
    ModelInput
        Padded to the longest row of the batch, at least one place wide; ids of the last user turn come first.
    """
    parts = [_encode(request, tokenizer, limits) for request in requests]
    width = max((len(part.last) + len(part.rest) for part in parts), default=0) or 1
    token_ids = np.zeros((len(parts), width), np.int64)
    token_weights = np.zeros((len(parts), 2, width), np.float32)
    features = np.empty((len(parts), len(FEATURE_NAMES)), np.float32)
    for row, (part, request) in enumerate(zip(parts, requests, strict=True)):
        last, end = len(part.last), len(part.last) + len(part.rest)
        token_ids[row, :end] = part.last + part.rest
        if last:
            token_weights[row, 0, :last] = 1.0 / last
        if end > last:
            token_weights[row, 1, last:end] = 1.0 / (end - last)
        features[row] = extract(request)
    return ModelInput(token_ids, token_weights, features)


@dataclass(frozen=True, slots=True)
class _Ids:
    """Token ids of the two parts."""

    last: list[int]
    rest: list[int]


def _encode(request: Request, tokenizer: Tokenizer, limits: Limits) -> _Ids:
    turns = split(request)
    last = tokenizer.encode(cap(turns.last, limits.max_chars))
    rest = tokenizer.encode(cap(turns.rest, limits.max_chars)) if turns.rest else []
    frame = len(tokenizer.prefix) + len(tokenizer.suffix) if limits.special_tokens else 0
    room = max(limits.max_tokens - frame * (bool(last) + bool(rest)), 0)
    if len(last) + len(rest) > room:
        kept = min(len(last), max(room - len(rest), room * 3 // 4))
        last, rest = _ends(last, kept), _ends(rest, room - kept)
    if frame:
        last, rest = _wrap(last, tokenizer), _wrap(rest, tokenizer)
    return _Ids(last, rest)


def _ends(ids: list[int], kept: int) -> list[int]:
    """Keep `kept` ids at most, half from the head and half from the tail."""
    if len(ids) <= kept:
        return ids
    tail = kept // 2
    return ids[: kept - tail] + ids[len(ids) - tail :]


def _wrap(ids: list[int], tokenizer: Tokenizer) -> list[int]:
    return [*tokenizer.prefix, *ids, *tokenizer.suffix] if ids else ids
