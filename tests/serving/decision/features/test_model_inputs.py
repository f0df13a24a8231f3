"""A batch is what its requests are one by one, within its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.features.complexity import FEATURE_NAMES, extract
from serving.decision.features.model_inputs import EncoderLimits, encode_batch, truncate_middle
from serving.decision.features.tokenizer import Tokenizer
from serving.decision.types import Message, ModelInput, Request
from tests.support import tiny_models as tiny

TOKENIZER = Tokenizer.from_json(tiny.tokenizer_json())
ANY_TEXT = st.text(st.characters(), max_size=40) | st.text("ab 1?\n", max_size=200)
REQUESTS = st.lists(
    st.builds(
        Request,
        st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), ANY_TEXT), max_size=4).map(tuple),
    ),
    max_size=4,
)
LIMITS = st.builds(EncoderLimits, st.integers(2, 100), st.integers(1, 60), st.booleans())


def ids_of(batch: ModelInput, part: int, row: int = 0) -> list[int]:
    """Give the ids that count for one part: 0 the last user turn, 1 the rest."""
    found: list[int] = batch.token_ids[row][batch.token_weights[row, part] > 0].tolist()
    return found


@settings(deadline=None)
@given(REQUESTS, LIMITS)
def test_shapes_weights_and_limits_hold(requests: list[Request], limits: EncoderLimits) -> None:
    batch = encode_batch(requests, TOKENIZER, limits)
    rows, width = batch.token_ids.shape
    assert rows == len(requests)
    assert 1 <= width <= max(limits.max_tokens, 1)
    assert batch.token_ids.dtype == np.int64
    assert batch.token_weights.shape == (rows, 2, width)
    assert batch.token_weights.dtype == np.float32
    assert batch.features.shape == (rows, len(FEATURE_NAMES))
    assert batch.features.dtype == np.float32
    assert ((batch.token_ids >= 0) & (batch.token_ids < TOKENIZER.vocabulary_size)).all()
    sums = batch.token_weights.sum(axis=2)
    assert (np.isclose(sums, 1, atol=1e-5) | (sums == 0)).all()
    assert ((batch.token_weights > 0).sum(axis=1) <= 1).all()  # no token counts for both parts


@settings(deadline=None)
@given(REQUESTS, LIMITS)
def test_a_batch_is_its_requests_one_by_one(requests: list[Request], limits: EncoderLimits) -> None:
    batch = encode_batch(requests, TOKENIZER, limits)
    for row, request in enumerate(requests):
        single = encode_batch([request], TOKENIZER, limits)
        for part in (0, 1):
            assert ids_of(batch, part, row) == ids_of(single, part)
        np.testing.assert_array_equal(batch.features[row], single.features[0])
        np.testing.assert_array_equal(batch.features[row], extract(request))


def test_the_last_user_turn_and_the_rest_are_apart() -> None:
    request = tiny.request("prove the sum", Message("system", "plan"), Message("assistant", "list of code"))
    batch = encode_batch([request], TOKENIZER, EncoderLimits())
    assert ids_of(batch, 0) == TOKENIZER.encode("prove the sum")
    assert ids_of(batch, 1) == TOKENIZER.encode("plan\nlist of code")
    assert batch.token_weights[0, 0, 0] == pytest.approx(1 / 3)
    assert batch.token_weights[0, 1, 3] == pytest.approx(1 / 4)


def test_special_tokens_frame_each_part() -> None:
    request = tiny.request("what is", Message("system", "plan"))
    batch = encode_batch([request], TOKENIZER, EncoderLimits(special_tokens=True))
    assert ids_of(batch, 0) == [2, *TOKENIZER.encode("what is"), 3]
    assert ids_of(batch, 1) == [2, *TOKENIZER.encode("plan"), 3]
    alone = encode_batch([tiny.request("what is")], TOKENIZER, EncoderLimits(special_tokens=True))
    assert ids_of(alone, 1) == []


def test_an_empty_request_weighs_nothing() -> None:
    batch = encode_batch([tiny.request("")], TOKENIZER, EncoderLimits())
    assert batch.token_ids.tolist() == [[0]]
    assert batch.token_weights.sum() == 0


def test_an_empty_batch_has_no_rows() -> None:
    assert encode_batch([], TOKENIZER, EncoderLimits()).token_ids.shape == (0, 1)


@pytest.mark.parametrize(
    ("last", "rest", "kept_last", "kept_rest"),
    [(100, 0, 40, 0), (100, 100, 30, 10), (100, 4, 36, 4), (5, 100, 5, 35), (20, 20, 20, 20)],
)
def test_tokens_over_the_limit_leave_the_middle(last: int, rest: int, kept_last: int, kept_rest: int) -> None:
    request = tiny.request("sum " * last, Message("system", "list " * rest))
    batch = encode_batch([request], TOKENIZER, EncoderLimits(max_tokens=40))
    assert len(ids_of(batch, 0)) == kept_last
    assert len(ids_of(batch, 1)) == kept_rest


def test_head_and_tail_stay() -> None:
    request = tiny.request("what " + "sum " * 100 + "prove")
    kept = ids_of(encode_batch([request], TOKENIZER, EncoderLimits(max_tokens=10)), 0)
    assert kept[0] == TOKENIZER.encode("what")[0]
    assert kept[-1] == TOKENIZER.encode("prove")[0]
    assert len(kept) == 10


@given(st.text(max_size=50), st.integers(2, 40))
def test_cap_keeps_head_and_tail(text: str, max_chars: int) -> None:
    capped = truncate_middle(text, max_chars)
    if len(text) <= max_chars:
        assert capped == text
    else:
        assert len(capped) == max_chars + 1
        assert text.startswith(capped[: max_chars - max_chars // 2])
        assert text.endswith(capped[len(capped) - max_chars // 2 :])


def test_the_users_words_are_read_and_whole_turns_where_a_bundle_was_trained_on_those() -> None:
    bare = Request((Message("system", "be brief"), Message("user", "what is this")))
    sent = Request((Message("system", "be brief"), Message("user", "<env>the the the</env> what is this")))
    for requests in ([sent], [sent, bare]):
        read, wanted = (encode_batch(some, TOKENIZER, EncoderLimits()) for some in (requests, [bare] * len(requests)))
        np.testing.assert_array_equal(read.token_ids, wanted.token_ids)
        np.testing.assert_array_equal(read.token_weights, wanted.token_weights)
        np.testing.assert_array_equal(read.features, wanted.features)
    whole = EncoderLimits(user_words=False)
    assert not np.array_equal(encode_batch([sent], TOKENIZER, whole).features, wanted.features[:1])
    np.testing.assert_array_equal(encode_batch([bare], TOKENIZER, whole).features, wanted.features[:1])
