"""The design matrix: layout of a row, the same rows in any batching, both kinds of encoder."""

from __future__ import annotations

import numpy as np

from serving.decision.features.complexity import FEATURE_NAMES, extract
from serving.decision.types import Message
from tests.support import tiny_models as tiny
from training.encoders.design_matrix import design_rows
from training.encoders.input_batches import BATCH

WIDTH = 2 * tiny.DIMS + len(FEATURE_NAMES)


def test_a_row_holds_both_embeddings_and_then_the_features() -> None:
    request = tiny.request("plan the sum", Message("system", "list of code"))
    row = design_rows(tiny.encoder(), [request])[0]
    last = design_rows(tiny.encoder(), [tiny.request("plan the sum")])[0]
    assert row.dtype == np.float32
    assert row.shape == (WIDTH,)
    assert np.array_equal(row[: tiny.DIMS], last[: tiny.DIMS])
    assert row[tiny.DIMS : 2 * tiny.DIMS].any()
    assert not last[tiny.DIMS : 2 * tiny.DIMS].any()  # no turn before the last one
    assert np.array_equal(row[2 * tiny.DIMS :], np.asarray(extract(request), np.float32))


def test_rows_do_not_depend_on_the_batch() -> None:
    requests = tiny.requests(BATCH + 30)
    whole = design_rows(tiny.encoder(), requests)
    parts = [design_rows(tiny.encoder(), requests[:7]), design_rows(tiny.encoder(), requests[7:])]
    assert np.array_equal(whole, np.concatenate(parts))


def test_no_requests_give_no_rows() -> None:
    assert design_rows(tiny.encoder(), []).shape == (0, WIDTH)


def test_progress_counts_requests_to_the_end() -> None:
    seen: list[tuple[str, int, int]] = []
    design_rows(tiny.encoder(), tiny.requests(25), lambda *told: seen.append(told))
    assert seen == [("encode", 0, 25), ("encode", 25, 25)]
