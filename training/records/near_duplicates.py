"""Clusters of near-duplicate texts: the same request with other ticket numbers, dates or names has one cluster.

Copies of a request share its label noise and its true uplift, so that a copy in another fold is no held-out prompt and
ten copies are no ten observations. Numbers, ids and names are masked; texts that are then equal, or whose words and
pairs of words overlap by `SIMILARITY` (Jaccard, estimated by MinHash; Broder 1997), are joined. Cost is linear in the
texts: MinHash signatures are compared only inside bands of equal values (locality-sensitive hashing).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import HashingVectorizer

from training.types import IntArray

SIMILARITY: Final = 0.75
"""Jaccard similarity from which two masked texts are near-duplicates."""
MIN_SHINGLES: Final = 20
"""Texts with fewer words and pairs of words than this are joined only if they are equal after masking."""
CHARS: Final = 2_000
"""Leading and trailing characters that are compared of a longer text."""
_BANDS: Final = 12
_ROWS: Final = 4
"""Values of a band. 12 bands of 4 find a pair of similarity .75 with probability .99, one of .3 with .09."""
_BUCKETS: Final = 2**18
_COMMON_SHARE: Final = 0.005
_COMMON: Final = 30
"""Words and pairs that more distinct texts than this, and than that share of them, have in common are boilerplate: two
questions in one long template are two questions."""
_BLOCK: Final = 20_000

_REFERENCE: Final = re.compile(
    r"[\w.+-]+@[\w-]+\.\w[\w.-]*"  # an address
    r"|\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b"  # a UUID
    r"|\b\d{4}-\d\d-\d\d(?:[t ]\d\d:\d\d\S*)?|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b\d{1,2}:\d\d(?::\d\d)?\b"  # a time
    r"|\b(?:\d+[a-z]|[a-z]+-?\d)[a-z\d-]{4,}\b|\b\d{5,}\b|#\s?[\w-]*\d[\w-]*"  # an id, a long number
    r"|\b(?:ticket|case|order|request|question|copy|invoice|customer|user|session|reference|ref|id|no|nr)\b"
    r"[.:#\s-]*[\w-]*\d[\w-]*"  # a number with its label
    r"|^\W*\d[\w-]*(?=\s*[\]).:/])|\s[\[(<]\d[\w-]*[\])>]\W*$",  # before or behind the text
    re.IGNORECASE,
)
_TITLE: Final = r"(?:[Mm](?:r|rs|s|x)|[Dd]r|[Pp]rof)\b\.?"
_GREETING: Final = r"(?:[Dd]ear|[Hh]i|[Hh]ello|[Hh]ey|[Rr]egards|[Tt]hanks|[Mm]y name is|[Cc]ustomer|[Uu]ser)\b,?"
_NAME: Final = re.compile(rf"(?:(\b{_GREETING}\s+)(?:{_TITLE}\s+)?|\b{_TITLE}\s+)[^\W\d_a-z]\w+(?:\s+[^\W\d_a-z]\w+)?")
_CJK: Final = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD: Final = rf"[{_CJK}]|[^\W{_CJK}]+"


def mask(text: str) -> str:
    """Replace ids, times, addresses, labelled numbers, and names after a greeting or title; lower case, spaces folded.

    Other numbers stay: they may be what is asked about.

    Examples
    --------
    >>> mask("Ticket #4711: Dear Ms. Jones, where is parcel 5500123?")
    '# : dear @ , where is parcel # ?'
    >>> mask("What is 3 + 4?")
    'what is 3 + 4?'
    """
    if len(text) > 2 * CHARS:
        text = f"{text[:CHARS]} {text[-CHARS:]}"
    text = _REFERENCE.sub(" # ", _NAME.sub(lambda found: f"{found[1] or ''}@ ", text))
    return " ".join(text.lower().split())


def near_duplicates(texts: Sequence[str]) -> IntArray:
    """Assign texts to clusters; int64 (n,). The partition does not depend on the order of the texts.

    Examples
    --------
    >>> near_duplicates(["Case 12: my card was refused", "Case 977: my card was refused", "Reset my PIN"]).tolist()
    [0, 0, 1]
    """
    if not len(texts):
        return np.empty(0, np.int64)
    masked: NDArray[np.object_] = np.array([mask(text) for text in texts], object)
    distinct, place = np.unique(masked.astype(object), return_inverse=True)
    cluster = _clusters(distinct)[place]
    _, first, code = np.unique(cluster, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[code], np.int64)


def text_key(text: str) -> str:
    """Hash a masked text to 32 hex digits; equal for texts that differ in numbers, ids and names only."""
    return hashlib.blake2b(mask(text).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _clusters(masked: NDArray[np.object_]) -> IntArray:
    """Join sorted, distinct masked texts: connected components of the pairs that are similar enough."""
    size = len(masked)
    signatures, usable = _signatures(masked)
    left, right = [], []
    for band in range(_BANDS):
        values = np.ascontiguousarray(signatures[usable, band * _ROWS : (band + 1) * _ROWS])
        keys = values.view(np.dtype((np.void, values.dtype.itemsize * _ROWS))).ravel()
        _, first, bucket = np.unique(keys, return_index=True, return_inverse=True)
        one, other = usable[first[bucket]], usable
        alike = (signatures[one] == signatures[other]).mean(axis=1) >= SIMILARITY
        left.append(one[alike])
        right.append(other[alike])
    rows, columns = np.concatenate(left), np.concatenate(right)
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _signatures(masked: NDArray[np.object_]) -> tuple[NDArray[np.uint32], IntArray]:
    """MinHash signatures, uint32 (n, bands x rows), and the texts that have enough words for one."""
    words = HashingVectorizer(
        n_features=_BUCKETS, ngram_range=(1, 2), token_pattern=_WORD, binary=True, norm=None, alternate_sign=False,
        lowercase=False, dtype=np.float32,
    )  # fmt: skip
    blocks = [words.transform(masked[start : start + _BLOCK]) for start in range(0, len(masked), _BLOCK)]
    shared = np.zeros(_BUCKETS, np.int64)
    for block in blocks:
        shared += np.bincount(block.indices, minlength=_BUCKETS)
    kept = shared <= max(_COMMON, _COMMON_SHARE * len(masked))
    found = [_minima(block, kept, _ranks()) for block in blocks]
    signatures = np.concatenate([signature for signature, _ in found])
    counts = np.concatenate([count for _, count in found])
    return signatures, np.flatnonzero(counts >= MIN_SHINGLES)


@lru_cache(maxsize=1)
def _ranks() -> NDArray[np.uint32]:
    """Fixed random permutations of the shingles; uint32 (bands x rows, buckets)."""
    rng = np.random.default_rng(0)
    return np.stack([rng.permutation(_BUCKETS).astype(np.uint32) for _ in range(_BANDS * _ROWS)])


def _minima(
    block: csr_matrix, kept: NDArray[np.bool_], ranks: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], IntArray]:
    """Smallest rank of each text's shingles under each permutation, and how many shingles it has."""
    own = kept[block.indices]
    row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))[own]
    shingles, counts = block.indices[own], np.bincount(row, minlength=block.shape[0])
    signature = np.zeros((block.shape[0], len(ranks)), np.uint32)
    present = np.flatnonzero(counts)
    starts = (np.cumsum(counts) - counts)[present]
    if len(present):
        for column, rank in enumerate(ranks):
            signature[present, column] = np.minimum.reduceat(rank[shingles], starts)
    return signature, np.asarray(counts, np.int64)
