"""Tokenises requests in batches and reports progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from serving.decision.features.model_inputs import EncoderLimits, encode_batch
from serving.decision.features.tokenizer import Tokenizer
from serving.decision.types import ModelInput, Request
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
