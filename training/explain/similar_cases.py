"""Stores embeddings and outcomes of training prompts beside the bundle, and finds the most similar ones.

These are the operator's own prompts. The operator chooses how much text is stored: masked excerpts, only ids, or no
cases at all. The server never reads the file, and no registry gets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from serving.decision import FloatArray, split_last_turn
from serving.journal import redact
from training.dataset import Dataset
from training.types import Array

FILE = "cases.parquet"
KeepCases = Literal["redacted", "ids", "none"]
KEEP_CASES: tuple[KeepCases, ...] = get_args(KeepCases)
EXCERPT = 160
"""Characters of the last user turn."""
AT_MOST = 50_000
"""Cases stored; a random part of longer histories."""


@dataclass(frozen=True, slots=True)
class SimilarCase:
    """One prompt of the history.

    Parameters
    ----------
    similarity
        Cosine of the embeddings of the last user turns, in [-1, 1].
    text
        A masked excerpt; empty where only ids are stored.
    success, cost_usd
        Per arm, in the bundle's order; None where unknown.
    """

    prompt_id: str
    similarity: float
    text: str
    task: str | None
    success: tuple[float | None, ...]
    cost_usd: tuple[float | None, ...]


def write_cases(dataset: Dataset, embedding: FloatArray, folder: Path, keep: KeepCases = "redacted") -> Path | None:
    """Write the index; with `keep="none"` an existing one is deleted and None returned.

    Parameters
    ----------
    embedding
        float32 (n, D), of the last user turns.
    """
    path = folder / FILE
    path.unlink(missing_ok=True)
    if keep == "none":
        return None
    rows = np.sort(np.random.default_rng(0).permutation(len(dataset))[:AT_MOST])
    texts = ["" if keep == "ids" else redact(_excerpt(dataset, row)) for row in rows]
    table = pa.table(
        {
            "prompt_id": [str(dataset.prompt_ids[row]) for row in rows],
            "text": texts,
            "task": [None if dataset.tasks[row] is None else str(dataset.tasks[row]) for row in rows],
            "embedding": pa.array(list(_unit(embedding[rows]).astype(np.float16)), pa.list_(pa.float16())),
            "success": pa.array(list(dataset.success[rows]), pa.list_(pa.float64())),
            "cost_usd": pa.array(list(dataset.cost_usd[rows]), pa.list_(pa.float64())),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def nearest_cases(folder: Path, embedding: FloatArray, count: int = 5) -> tuple[SimilarCase, ...]:
    """Find the cases most similar to a request, the most similar first; empty without an index.

    Parameters
    ----------
    embedding
        float32 (D,), of the last user turn.
    """
    path = folder / FILE
    if not path.is_file():
        return ()
    table = pq.read_table(path)
    vectors = np.array(table["embedding"].combine_chunks().flatten(), np.float32).reshape(table.num_rows, -1)
    if vectors.shape[1] != len(embedding):
        return ()
    similarity = vectors @ _unit(np.asarray(embedding, np.float32)[None, :])[0]
    best = np.argsort(-similarity, kind="stable")[:count]
    rows = table.take(pa.array(best)).to_pylist()
    return tuple(
        SimilarCase(
            row["prompt_id"],
            float(similarity[place]),
            row["text"],
            row["task"],
            _known(row["success"]),
            _known(row["cost_usd"]),
        )
        for place, row in zip(best, rows, strict=True)
    )


def _excerpt(dataset: Dataset, row: int) -> str:
    text = " ".join(split_last_turn(dataset.requests[row]).last.split())
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}…"


def _unit(x: FloatArray | Array) -> FloatArray:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12), np.float32)


def _known(values: Sequence[float]) -> tuple[float | None, ...]:
    return tuple(None if value is None or not np.isfinite(value) else float(value) for value in values)
