"""Design matrix: one row of embeddings and complexity features per request.

A row is [embedding of the last user turn (D), embedding of the other turns (D), complexity features (F)], float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from serving.decision import FloatArray, Request
from serving.decision.features import FEATURE_NAMES, Tokenizer
from training.encoders.input_batches import input_batches
from training.encoders.static import StaticEncoder
from training.encoders.transformer import TransformerEncoder
from training.progress import Progress, silent

CACHE: Final = Path.home() / ".cache" / "thinkgate"
"""Default folder of distilled token tables and exported transformers."""

Encoder = StaticEncoder | TransformerEncoder


def design_rows(encoder: Encoder, requests: Sequence[Request], progress: Progress = silent) -> FloatArray:
    """Encode requests in batches.

    Returns
    -------
    float32 (n, 2 D + F): [embedding of the last user turn, embedding of the rest, features].
    """
    width = 2 * encoder.dims
    rows = np.empty((len(requests), width + len(FEATURE_NAMES)), dtype=np.float32)
    tokenizer = Tokenizer.from_json(encoder.tokenizer_json)
    start = 0
    for batch in input_batches(requests, tokenizer, encoder.limits, progress):
        stop = start + len(batch.token_ids)
        rows[start:stop, :width] = encoder.embed(batch)
        rows[start:stop, width:] = batch.features
        start = stop
    return rows
