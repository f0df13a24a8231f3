"""Turns journalled decisions into the windows that drift is tested on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson

from serving.decision import BadRequest, Request
from serving.decision.bundle import Bundle
from serving.decision.features import encode_batch
from serving.decision.selection import DecisionRecord
from serving.journal import JournalEntry, treatment_of
from training.records import conversation
from training.retraining.drift import Traffic
from training.types import Array

NO_ARM = "no arm"
"""In place of the arm of a call that amounts to none."""
WIDTH = 16
"""Columns of a text's embedding: a fixed random projection of the bundle's tokens, beside its features."""


def traffic_window(entries: Sequence[JournalEntry], bundle: Bundle) -> Traffic:
    """Build a window; decisions that a fallback made are left out."""
    computed = [entry for entry in entries if entry.decision.replay is not None]
    predictions = [DecisionRecord.from_json(entry.decision.replay or "").prediction for entry in computed]
    return Traffic(
        embedding=project_requests([request for entry in computed if (request := _request(entry)) is not None], bundle),
        uplift=np.array([max(each.uplift, default=np.nan) for each in predictions], np.float64),
        support=np.array([each.support for each in predictions], np.float64),
        residual=np.array([_residual(entry) for entry in computed], np.float64),
        log_token_ratio=np.array([_log_token_ratio(entry) for entry in computed], np.float64),
        arm=np.array([entry.decision.served_arm or NO_ARM for entry in computed], object),
    )


def project_requests(requests: Sequence[Request], bundle: Bundle) -> Array:
    """Project requests, float64 (n, D): equal texts get equal rows under any bundle with the same tokenizer."""
    if not requests:
        return np.zeros((0, 0))
    inputs = encode_batch(requests, bundle.tokenizer, bundle.manifest.encoder.limits)
    # Filled row by row: a larger vocabulary leaves the rows of a smaller one as they were.
    table = np.random.default_rng(0).normal(size=(int(inputs.token_ids.max(initial=0)) + 1, WIDTH))
    words = np.stack(
        [weights @ table[ids] for weights, ids in zip(inputs.token_weights, inputs.token_ids, strict=True)]
    )
    return np.column_stack([words[:, 0], words[:, 1], inputs.features]).astype(np.float64)


def _request(entry: JournalEntry) -> Request | None:
    if entry.decision.messages is None:
        return None
    try:
        return Request(conversation(None, orjson.loads(entry.decision.messages)))
    except (BadRequest, orjson.JSONDecodeError):
        return None


def _residual(entry: JournalEntry) -> float:
    outcome = entry.outcome
    served = treatment_of(entry).arm
    if outcome is None or outcome.success is None or served is None or served != entry.decision.served_arm:
        return float("nan")
    if (outcome.arm or served) != served:
        return float("nan")
    return outcome.success - entry.decision.expected_success


def _log_token_ratio(entry: JournalEntry) -> float:
    tokens = None if entry.outcome is None else entry.outcome.output_tokens
    if tokens is None or treatment_of(entry).arm is None or entry.decision.expected_output_tokens <= 0:
        return float("nan")
    return float(np.log((tokens + 1) / (entry.decision.expected_output_tokens + 1)))
