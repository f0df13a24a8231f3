"""The static encoder: reproducible tables, exact averages, and a lexical table of any corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from serving.decision.features.model_inputs import EncoderLimits, encode_batch
from serving.decision.features.tokenizer import Tokenizer
from serving.decision.types import Message, Request
from tests.support import tiny_models as tiny
from training.encoders import static as encoder
from training.encoders.design_matrix import design_rows
from training.encoders.static import EncoderSettings, StaticEncoder, build_static, lexical_table
from training.encoders.teacher import Teacher, TokenTable

SETTINGS = EncoderSettings(semantic_dims=4, lexical_dims=3)
LIMITS = EncoderLimits(max_chars=400, max_tokens=64)
CORPUS = tuple(tiny.request(text) for text in ("plan the steps", "prove the sum", "list of code", "why a plan") * 5)


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A teacher that is already distilled: how that is done is `test_teacher`'s."""
    size = Tokenizer.from_json(tiny.tokenizer_json()).vocabulary_size
    vectors = np.random.default_rng(3).normal(size=(size, 4)).astype(np.float32)
    monkeypatch.setattr(encoder, "find_teacher", lambda *_: Teacher("tiny", Path("nowhere"), "0"))
    monkeypatch.setattr(encoder, "token_table", lambda *_: TokenTable(tiny.tokenizer_json(), vectors))


def built(
    corpus: Sequence[Request] = CORPUS, limits: EncoderLimits = LIMITS, settings: EncoderSettings = SETTINGS
) -> StaticEncoder:
    return build_static(None, corpus, Path("nowhere"), limits=limits, settings=settings)


def test_semantic_and_lexical_columns_stand_side_by_side() -> None:
    both, semantic = built(), built(settings=EncoderSettings(semantic_dims=4, lexical_dims=0))
    assert (both.dims, semantic.dims) == (7, 4)
    assert np.array_equal(both.table[:, :4], semantic.table)
    assert both.name == "static:tiny"


def test_the_same_corpus_gives_the_same_encoder_and_its_digest_tells() -> None:
    first, again = built(), built()
    assert first.digest == again.digest
    assert np.array_equal(first.table, again.table)
    others = [
        built(corpus=CORPUS[:7]),
        built(limits=EncoderLimits(max_chars=400, max_tokens=32)),
        built(settings=EncoderSettings(semantic_dims=4, lexical_dims=0)),
    ]
    assert len({first.digest, *(other.digest for other in others)}) == 4


def test_an_embedding_is_the_mean_of_its_token_vectors() -> None:
    made = built()
    requests = [tiny.request("plan the sum", Message("system", "list of code")), tiny.request("why")]
    inputs = encode_batch(requests, Tokenizer.from_json(made.tokenizer_json), made.limits)
    rows = design_rows(made, requests)
    for place, row in enumerate(rows):
        for part, columns in enumerate((slice(0, 7), slice(7, 14))):
            weights = inputs.token_weights[place, part].astype(np.float64)
            wanted = weights @ made.table[inputs.token_ids[place]].astype(np.float64)
            np.testing.assert_allclose(row[columns], wanted, atol=1e-5)
    assert np.any(rows[0, 7:14])
    assert not np.any(rows[1, 7:14])  # nothing before the last turn


def lexical(corpus: Sequence[Request], dims: int = 3, sample: int = 1000) -> np.ndarray:
    settings = EncoderSettings(lexical_dims=dims, lexical_sample=sample)
    return lexical_table(Tokenizer.from_json(tiny.tokenizer_json()), corpus, LIMITS, settings)


def test_the_lexical_table_parts_texts_by_the_words_they_share() -> None:
    made = StaticEncoder("lexical", tiny.tokenizer_json(), lexical(CORPUS), LIMITS, "")
    rows = design_rows(made, [tiny.request(text) for text in ("plan the steps", "plan steps", "list of code")])[:, :3]
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.8 > unit[0] @ unit[2]


def test_tokens_that_the_corpus_lacks_are_silent() -> None:
    tokenizer = Tokenizer.from_json(tiny.tokenizer_json())
    table = lexical(CORPUS)
    assert not np.any(table[tokenizer.encode("z")])
    assert np.any(table[tokenizer.encode("plan")])


@pytest.mark.parametrize("corpus", [(), CORPUS[:1], (tiny.request("plan"),) * 9])
def test_a_corpus_too_small_for_a_table_gives_zeros(corpus: tuple[Request, ...]) -> None:
    table = lexical(corpus)
    assert table.shape == (Tokenizer.from_json(tiny.tokenizer_json()).vocabulary_size, 3)
    assert np.isfinite(table).all()
    assert not np.any(table)


def test_a_low_rank_corpus_fills_the_columns_it_has() -> None:
    table = lexical(CORPUS, dims=50)
    assert np.isfinite(table).all()
    filled = np.flatnonzero(np.any(table, axis=0))
    assert 0 < len(filled) < 50
    assert filled[-1] == len(filled) - 1


def test_a_long_corpus_is_sampled_at_even_steps() -> None:
    words = ("plan", "prove", "sum", "code", "list", "why")
    corpus = [tiny.request(f"{words[n % 6]} {words[n // 6 % 6]} the steps") for n in range(37)]
    every_fourth = [corpus[n] for n in range(0, 37, 4)]
    assert np.array_equal(lexical(corpus, sample=10), lexical(every_fourth))
    assert not np.array_equal(lexical(corpus, sample=10), lexical(corpus))
    assert np.array_equal(lexical(corpus, sample=500), lexical(corpus))
