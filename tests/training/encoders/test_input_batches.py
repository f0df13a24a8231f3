"""Batches of model inputs: order, size, progress."""

from __future__ import annotations

import numpy as np

from serving.decision.features.model_inputs import encode_batch
from serving.decision.features.tokenizer import Tokenizer
from tests.support import tiny_models as tiny
from training.encoders.input_batches import BATCH, input_batches
from training.progress import silent

TOKENIZER = Tokenizer.from_json(tiny.tokenizer_json())
LIMITS = tiny.encoder().limits


def test_batches_come_in_order_and_none_is_larger_than_the_limit() -> None:
    requests = tiny.requests(2 * BATCH + 5)
    batches = list(input_batches(requests, TOKENIZER, LIMITS, silent))
    assert [len(batch.token_ids) for batch in batches] == [BATCH, BATCH, 5]
    assert np.array_equal(batches[2].token_ids, encode_batch(requests[-5:], TOKENIZER, LIMITS).token_ids)


def test_progress_tells_what_is_done_before_each_batch_and_at_the_end() -> None:
    seen: list[tuple[str, int, int]] = []
    list(input_batches(tiny.requests(BATCH + 1), TOKENIZER, LIMITS, lambda *told: seen.append(told)))
    assert [done for _, done, _ in seen] == [0, BATCH, BATCH + 1]
    assert {total for *_, total in seen} == {BATCH + 1}


def test_no_requests_give_no_batches() -> None:
    assert list(input_batches((), TOKENIZER, LIMITS, silent)) == []
