"""Embeds prompts with the whole MiniLM for the comparison routers; each text once, kept on disk by content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from serving.decision.features.model_inputs import encode_batch
from serving.decision.features.tokenizer import Tokenizer
from serving.decision.types import FloatArray, Request
from training.encoders.transformer import TransformerEncoder, build_transformer
from training.progress import Progress, silent

PLACES = 8192
"""Token places of one batch, padding included: enough for both cores, and little memory."""


def embeddings(requests: Sequence[Request], cache: Path, progress: Progress = silent) -> FloatArray:
    """Embed the last user turn of every request: float32 (n, 384).

    MiniLM reads 256 word pieces, its own limit. Vectors lie in `cache` under the hash of what is embedded, so prompts
    that two files share, and a second run, cost nothing.
    """
    encoder = build_transformer(None, cache)
    inputs = encode_batch(requests, Tokenizer.from_json(encoder.tokenizer_json), encoder.limits)
    lengths = (inputs.token_weights[:, 0] > 0).sum(axis=1)
    rows = [ids[:length] for ids, length in zip(inputs.token_ids, lengths, strict=True)]
    keys = [hashlib.sha256(ids.tobytes()).hexdigest()[:32] for ids in rows]
    path = cache / f"minilm-{encoder.digest[:24]}.npz"
    known = _read(path)
    missing = {key: ids for key, ids in zip(keys, rows, strict=True) if key not in known}
    if missing:
        known |= _embedded(encoder, missing, progress)
        np.savez(path, keys=np.array(sorted(known)), vectors=np.stack([known[key] for key in sorted(known)]))
    return np.stack([known[key] for key in keys])


def _read(path: Path) -> dict[str, FloatArray]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as kept:
        return dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))


def _embedded(
    encoder: TransformerEncoder, missing: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]], progress: Progress
) -> dict[str, FloatArray]:
    """Run the shortest first, in batches without much padding."""
    from training.encoders.transformer import open_encoder_session

    session, found = open_encoder_session(encoder), {}
    for batch in _batches(sorted(missing, key=lambda key: len(missing[key])), missing):
        progress("embed with MiniLM", len(found), len(missing))
        ids = np.zeros((len(batch), len(missing[batch[-1]])), np.int64)
        mask = np.zeros(ids.shape, np.float32)
        for row, key in enumerate(batch):
            ids[row, : len(missing[key])] = missing[key]
            mask[row, : len(missing[key])] = 1.0
        vectors = session.run(None, {"token_ids": ids, "mask": mask})[0]
        found |= dict(zip(batch, np.asarray(vectors, np.float32), strict=True))
    return found


def _batches(keys: Sequence[str], rows: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]]) -> Iterator[list[str]]:
    batch: list[str] = []
    for key in keys:
        if batch and (len(batch) + 1) * len(rows[key]) > PLACES:
            yield batch
            batch = []
        batch.append(key)
    if batch:
        yield batch
