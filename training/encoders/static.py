"""Static encoder: averages one vector per token, distilled from a teacher and learnt from the corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from serving.decision import FloatArray, ModelInput, Request
from serving.decision.features import EncoderLimits, Tokenizer
from training.encoders.input_batches import input_batches
from training.encoders.quantization import quantized_values
from training.encoders.teacher import find_teacher, token_table
from training.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How the static tables are made.

    Parameters
    ----------
    semantic_dims
        Columns distilled from the teacher.
    lexical_dims
        Columns learnt from the operator's own corpus; 0 leaves that table out.
    lexical_sample
        Requests that the lexical table is learnt from, at most; evenly spread over the corpus.
    """

    semantic_dims: int = 256
    lexical_dims: int = 64
    lexical_sample: int = 50_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class StaticEncoder:
    """One vector per token, averaged: the fast tier.

    Parameters
    ----------
    name
        For the manifest.
    tokenizer_json
        Its ids are the table's rows.
    table
        float32 (V, D): semantic columns, then lexical ones.
    limits
        How much of a request is read.
    digest
        sha256 hex over everything above: equal digests give equal design rows.
    """

    name: str
    tokenizer_json: str
    table: FloatArray
    limits: EncoderLimits
    digest: str

    @property
    def dims(self) -> int:
        """Columns of one embedding (D)."""
        return int(self.table.shape[1])

    def embed(self, inputs: ModelInput) -> FloatArray:
        """Average the token vectors.

        Returns
        -------
        float32 (n, 2 D): last user turn, rest.
        """
        sums = np.asarray(_presence(inputs, len(self.table)) @ self.table, dtype=np.float32)
        # The weights of a part are all alike; sums are exact (see `quantization`), so this equals the graph bit by bit.
        scale = inputs.token_weights.max(axis=2).reshape(-1, 1)
        return np.asarray(sums * scale, np.float32).reshape(len(inputs.token_ids), -1)


def build_static(
    teacher: str | None,
    corpus: Sequence[Request],
    cache_dir: Path,
    *,
    limits: EncoderLimits | None = None,
    settings: EncoderSettings | None = None,
    expected_sha256: str | None = None,
    progress: Progress = silent,
) -> StaticEncoder:
    """Make the fast encoder: the teacher's token table beside a lexical one learnt from the corpus.

    Parameters
    ----------
    teacher
        See `training.encoders.teacher.find_teacher`; None is the built-in MiniLM.
    corpus
        The operator's requests; no outcome is looked at.
    cache_dir
        Where distilled tables are kept, by content.

    Raises
    ------
    TeacherMissing, TeacherRefused
        The teacher can't be found, or its weights are not the promised ones.
    """
    limits, settings = limits or EncoderLimits(), settings or EncoderSettings()
    source = find_teacher(teacher, expected_sha256)
    semantic = token_table(source, settings.semantic_dims, cache_dir, progress)
    tables = [semantic.vectors]
    if settings.lexical_dims:
        tokenizer = Tokenizer.from_json(semantic.tokenizer_json)
        tables.append(lexical_table(tokenizer, corpus, limits, settings, progress))
    table = quantized_values(np.ascontiguousarray(np.concatenate(tables, axis=1), dtype=np.float32), limits.max_tokens)
    digest = hashlib.sha256(semantic.tokenizer_json.encode("utf-8") + table.tobytes() + repr(limits).encode("utf-8"))
    return StaticEncoder(f"static:{source.name}", semantic.tokenizer_json, table, limits, digest.hexdigest())


def lexical_table(
    tokenizer: Tokenizer,
    corpus: Sequence[Request],
    limits: EncoderLimits,
    settings: EncoderSettings,
    progress: Progress = silent,
) -> FloatArray:
    """Learn token vectors from the corpus: TF-IDF (sublinear counts, unit rows), truncated SVD, idf x loadings.

    Averaging these vectors over a text gives the linear part of the text's TF-IDF/SVD coordinates, which is what one
    gather in the graph can do.

    Returns
    -------
    float32 (V, lexical_dims); tokens that the corpus lacks get zeros, and so do columns beyond its rank.
    """
    from sklearn.utils.extmath import randomized_svd

    sample = _spread(corpus, settings.lexical_sample)
    counts = sparse.vstack(
        [
            _count_matrix(batch, tokenizer.vocabulary_size)
            for batch in input_batches(sample, tokenizer, limits, progress)
        ]
        or [sparse.csr_matrix((0, tokenizer.vocabulary_size), dtype=np.float32)]
    ).tocsr()
    table = np.zeros((tokenizer.vocabulary_size, settings.lexical_dims), dtype=np.float32)
    seen = np.asarray((counts > 0).sum(axis=0)).ravel()
    kept = np.flatnonzero(seen >= 2)
    rank = min(settings.lexical_dims, len(kept) - 1, counts.shape[0] - 1)
    if rank < 1:
        return table
    idf = np.log((1 + counts.shape[0]) / (1 + seen[kept])) + 1
    weighted = counts[:, kept].astype(np.float64)
    weighted.data = 1 + np.log(weighted.data)
    weighted = weighted @ sparse.diags(idf)
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    weighted = sparse.diags(1 / np.maximum(lengths, 1e-12)) @ weighted
    _, _, loadings = randomized_svd(weighted, n_components=rank, random_state=settings.seed)
    table[kept, :rank] = (idf[:, None] * loadings.T).astype(np.float32)
    return table


def _presence(inputs: ModelInput, size: int) -> sparse.csr_matrix:
    """How often each token occurs in each part, float32 (2 n, V): row 2 i is the last turn of request i."""
    n, parts, _ = inputs.token_weights.shape
    row, part, place = np.nonzero(inputs.token_weights)
    ones = np.ones(len(row), dtype=np.float32)
    return sparse.csr_matrix((ones, (row * parts + part, inputs.token_ids[row, place])), shape=(n * parts, size))


def _count_matrix(inputs: ModelInput, size: int) -> sparse.csr_matrix:
    """How often each token occurs in each request: float32 (n, V)."""
    row, place = np.nonzero(inputs.token_weights.any(axis=1))
    ones = np.ones(len(row), dtype=np.float32)
    return sparse.csr_matrix((ones, (row, inputs.token_ids[row, place])), shape=(len(inputs.token_ids), size))


def _spread(corpus: Sequence[Request], most: int) -> list[Request]:
    if len(corpus) <= most:
        return list(corpus)
    return [corpus[i] for i in np.linspace(0, len(corpus) - 1, most).astype(int)]
