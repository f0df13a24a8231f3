"""Encodes requests as the input arrays of the model, the same way in training and in serving."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from serving.decision.conversation import split_last_turn
from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.features.complexity import FEATURE_NAMES, extract
from serving.decision.features.tokenizer import Tokenizer
from serving.decision.harness import user_words
from serving.decision.types import FloatArray, ModelInput, Request

_ID_BYTES: Final = 8
"""Of one token id."""
_PADDING: Final = bytes(_ID_BYTES)
_NO_WEIGHTS: Final = np.zeros((1, 2, 1), np.float32)


@dataclass(frozen=True, slots=True)
class EncoderLimits:
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
    user_words
        Read the user's own words of user turns, without the blocks that tools put there; False for bundles that were
        trained on whole turns.
    """

    max_chars: int = 4000
    max_tokens: int = 512
    special_tokens: bool = False
    user_words: bool = True


def truncate_middle(text: str, max_chars: int) -> str:
    """Keep the head and the tail of a long text, joined by a newline.

    Examples
    --------
    >>> truncate_middle("abcdefgh", 4)
    'ab\\ngh'
    >>> truncate_middle("abcd", 4)
    'abcd'
    """
    if len(text) <= max_chars:
        return text
    tail = max_chars // 2
    return f"{text[: max_chars - tail]}\n{text[len(text) - tail :]}"


def encode_batch(requests: Sequence[Request], tokenizer: Tokenizer, limits: EncoderLimits) -> ModelInput:
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
        Padded to the longest row of the batch, at least one place wide; ids of the last user turn come first. Arrays
        of one request alone are read-only.
    """
    if limits.user_words:
        requests = [user_words(request) for request in requests]
    if len(requests) == 1:
        return _encode_one(requests[0], tokenizer, limits)
    encoded_requests = [_encode(request, tokenizer, limits) for request in requests]
    width = max((encoded.width for encoded in encoded_requests), default=0) or 1
    token_ids = np.zeros((len(encoded_requests), width), np.int64)
    token_weights = np.zeros((len(encoded_requests), 2, width), np.float32)
    features = np.empty((len(encoded_requests), len(FEATURE_NAMES)), np.float32)
    for row, (encoded, request) in enumerate(zip(encoded_requests, requests, strict=True)):
        token_ids[row, : encoded.width] = np.frombuffer(encoded.last + encoded.rest, np.int64)
        token_weights[row, :, : encoded.width] = _weights(encoded.width, len(encoded.last) // _ID_BYTES)
        features[row] = extract(request)
    return ModelInput(token_ids, token_weights, features)


def _encode_one(request: Request, tokenizer: Tokenizer, limits: EncoderLimits) -> ModelInput:
    """Encode one request without copying: the ids are the tokenizer's own bytes."""
    encoded = _encode(request, tokenizer, limits)
    token_ids = np.frombuffer(encoded.last + encoded.rest or _PADDING, np.int64)
    return ModelInput(
        token_ids.reshape(1, -1),
        _weights(encoded.width, len(encoded.last) // _ID_BYTES).reshape(1, 2, -1) if encoded.width else _NO_WEIGHTS,
        extract(request).reshape(1, -1),
    )


@lru_cache(maxsize=1024)
def _weights(width: int, last: int) -> FloatArray:
    """Give the weights of a row of `width` tokens, `last` of them of the last user turn: float32 (2, width), cached."""
    weights = np.zeros((2, width), np.float32)
    if last:
        weights[0, :last] = 1.0 / last
    if width > last:
        weights[1, last:] = 1.0 / (width - last)
    weights.setflags(write=False)
    return weights


@fast_dataclass
class _PackedIds:
    """Token ids of the two parts, packed as the tokenizer gives them."""

    last: bytes
    rest: bytes

    @property
    def width(self) -> int:
        return (len(self.last) + len(self.rest)) // _ID_BYTES


def _encode(request: Request, tokenizer: Tokenizer, limits: EncoderLimits) -> _PackedIds:
    turns = split_last_turn(request)
    last = tokenizer.pack(truncate_middle(turns.last, limits.max_chars))
    rest = _pack_rest(turns.rest, tokenizer, limits.max_chars)
    special = len(tokenizer.prefix) + len(tokenizer.suffix) if limits.special_tokens else 0
    room = _ID_BYTES * max(limits.max_tokens - special * (bool(last) + bool(rest)), 0)
    if len(last) + len(rest) > room:
        kept = min(len(last), max(room - len(rest), room // _ID_BYTES * 3 // 4 * _ID_BYTES))
        last, rest = _truncate_ids(last, kept), _truncate_ids(rest, room - kept)
    if special:
        last, rest = _add_special_tokens(last, tokenizer), _add_special_tokens(rest, tokenizer)
    return _PackedIds(last, rest)


def _pack_rest(text: str, tokenizer: Tokenizer, max_chars: int) -> bytes:
    """Pack the ids of all turns but the last user turn, cut as `truncate_middle` does."""
    if len(text) <= max_chars:
        return tokenizer.pack(text) if text else b""
    tail = max_chars // 2
    return tokenizer.pack_ends(text[: max_chars - tail], text[len(text) - tail :])


def _truncate_ids(ids: bytes, kept: int) -> bytes:
    """Keep `kept` bytes of ids at most, half of the ids from the head and half from the tail."""
    if len(ids) <= kept:
        return ids
    tail = kept // _ID_BYTES // 2 * _ID_BYTES
    return ids[: kept - tail] + ids[len(ids) - tail :]


def _add_special_tokens(ids: bytes, tokenizer: Tokenizer) -> bytes:
    return array("q", tokenizer.prefix).tobytes() + ids + array("q", tokenizer.suffix).tobytes() if ids else ids
