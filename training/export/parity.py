"""Parity: proves that a graph agrees with LightGBM and numpy, and selects golden vectors that are portable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from serving.decision import FloatArray, Message, Request
from serving.decision.bundle import PACKED, TOLERANCE, OutputColumns, open_session
from serving.decision.features import Tokenizer, encode_batch
from training.encoders import Encoder
from training.errors import TrainingError
from training.export.graph import DESIGN, with_design_output
from training.export.reference import Predictions, predict
from training.models import FittedModel
from training.types import Array

PARITY: Final = 1e-5
"""Largest difference between graph and reference: absolute up to 1, relative above (tokens, milliseconds)."""

EMBEDDING_PARITY: Final = 1e-4
"""Largest difference between the graph's embedding and the encoder's own; a static one has none at all."""

NAMES: Final = tuple(item.name for item in fields(Predictions))
"""The outputs that graph and reference share."""

_BATCH: Final = 16
_NUDGE: Final = 2e-6
_NUDGES: Final = 8
_FEWEST: Final = 4


class ParityBroken(TrainingError):
    """The graph does not give what LightGBM and numpy give."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far a graph is from the reference at most.

    Parameters
    ----------
    difference
        Of any prediction, on the design rows that the graph itself computed: a transformer's last bits depend on the
        batch and may take a row to the other side of a split, which is no fault of the graph.
    embedding_difference
        Of any embedding.
    compared
        Number of requests.
    """

    difference: float
    embedding_difference: float
    compared: int


def check_parity(graph: onnx.ModelProto, model: FittedModel, encoder: Encoder, requests: Sequence[Request]) -> Parity:
    """Run a graph beside its reference.

    Raises
    ------
    ParityBroken
        They differ by more than `PARITY` or `EMBEDDING_PARITY`, or a number is not finite.
    """
    session = open_session(with_design_output(graph).SerializeToString(), Path("no-folder"))
    columns = OutputColumns(len(model.success), len(model.tasks.names) if model.tasks else 0)
    tokenizer = Tokenizer.from_json(encoder.tokenizer_json)
    difference = embedding_difference = 0.0
    for start in range(0, len(requests), _BATCH):
        inputs = encode_batch(requests[start : start + _BATCH], tokenizer, encoder.limits)
        feeds = {name: getattr(inputs, name) for name in ("token_ids", "token_weights", "features")}
        packed, rows = session.run((PACKED, DESIGN), feeds)
        difference = _worse(difference, max_difference(columns.split(packed), predict(model, rows)).max(initial=0.0))
        embedded = np.abs(rows[:, : 2 * encoder.dims] - encoder.embed(inputs))
        embedding_difference = _worse(embedding_difference, embedded.max(initial=0.0))
    if not (difference <= PARITY and embedding_difference <= EMBEDDING_PARITY):
        raise ParityBroken(
            f"graph and reference differ by {difference:.2g} (at most {PARITY:g}), their embeddings by"
            f" {embedding_difference:.2g} (at most {EMBEDDING_PARITY:g}): report this with the learner's settings"
        )
    return Parity(difference, embedding_difference, len(requests))


def max_difference(found: Mapping[str, NDArray[np.floating[Any]]], wanted: Predictions) -> Array:
    """Largest difference of each row, absolute up to 1 and relative above: float64 (n,), NaN where not finite."""
    worst: Array = np.zeros(len(wanted.success))
    for name in NAMES:
        theirs = np.asarray(getattr(wanted, name), np.float64).reshape(len(worst), -1)
        if theirs.shape[1]:
            ours = np.asarray(found[name], np.float64).reshape(theirs.shape)
            apart = np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs))
            worst = np.maximum(worst, apart.max(axis=1))
    return worst


def stable_rows(model: FittedModel, rows: FloatArray, embedding: int, rng: np.random.Generator) -> Array:
    """Find rows whose predictions outlast another machine's rounding of their embeddings.

    A row that lies on a split is a bad golden vector: one bit decides its leaf, and a transformer's last bits differ
    from processor to processor.

    Parameters
    ----------
    rows
        float32 (n, P), design rows.
    embedding
        Their first columns, which rounding may move; zeros are exact.

    Returns
    -------
    bool (n,)
        All rows that hold; where fewer than four do, the four that move least.
    """
    base = _mapping(predict(model, rows))
    moved: Array = np.zeros(len(rows))
    for _ in range(_NUDGES):
        nudged = rows.copy()
        part = nudged[:, :embedding]
        part += np.where(part != 0, rng.uniform(-_NUDGE, _NUDGE, part.shape), 0).astype(np.float32)
        moved = np.maximum(moved, max_difference(base, predict(model, nudged)))
    limit = max(TOLERANCE / 2, np.sort(moved)[: min(_FEWEST, len(moved))].max(initial=0.0))
    return np.asarray(moved <= limit)


def _mapping(predictions: Predictions) -> dict[str, FloatArray]:
    return {name: np.asarray(getattr(predictions, name)) for name in NAMES}


def _worse(so_far: float, value: float) -> float:
    return float(np.maximum(so_far, value))  # unlike max, keeps NaN


def _user(text: str) -> Request:
    return Request((Message("user", text),))


GOLDEN_REQUESTS: Final[tuple[Request, ...]] = (
    _user("."),
    _user("What is 17 * 23?"),
    _user("Which year did the Berlin wall fall?"),
    _user("Prove that the square root of 2 is irrational, and say where the proof fails for 4."),
    _user("Plan a migration in five steps, and weigh cost against risk at each. " * 40),
    _user(
        "A train leaves at 7:40 and covers 312 km at 96 km/h; a second one follows at 8:05 with 120 km/h. When? " * 3
    ),
    _user("Return the following as JSON with keys name, date, amount:\n- Mair, 3 May, 12.50\n- Oduya, 4 May, 8"),
    _user("Fasse den Text in zwei Sätzen zusammen: Größe zählt nicht. 总结一下。¿Y en español? अब हिंदी में 🙂"),
    _user("总结一下这篇文章的要点，并比较三种方案的成本和风险。" * 12),
    _user("A broken \ud83d half of an emoji and a \x00 control character"),
    Request((Message("user", "```python\ndef f(x):\n    return [x for _ in range(3)]\n```\nIs it slow?"),), tools=3),
    Request(
        (
            Message("system", "Be brief."),
            Message("user", "Fix the bug?"),
            Message("assistant", "Shall I commit?"),
            Message("user", "yes, do it"),
        )
    ),
    Request(
        (
            Message("system", "You route invoices. Never guess an amount. " * 60),
            Message("user", "What is on this picture?", images=2),
            Message("assistant", "", tool_calls=1),
            Message("tool", '{"total": 41.9, "currency": "EUR"}'),
        ),
        tools=12,
    ),
    Request((Message("user", "", images=1),)),
)
"""Made up, and they span what the tokenizer and the features must get right; an operator's prompts stay out of it."""
