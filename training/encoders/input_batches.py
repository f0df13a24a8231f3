"""Tokenises requests in batches and reports progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from serving.decision import ModelInput, Request
from serving.decision.features import EncoderLimits, Tokenizer, encode_batch
from training.progress import Progress

BATCH = 256


def input_batches(
    requests: Sequence[Request], tokenizer: Tokenizer, limits: EncoderLimits, progress: Progress
) -> Iterator[ModelInput]:
    """Yield model inputs of at most `BATCH` requests each, in order; progress counts requests."""
    for start in range(0, len(requests), BATCH):
        progress("encode", start, len(requests))
        yield encode_batch(requests[start : start + BATCH], tokenizer, limits)
    progress("encode", len(requests), len(requests))
