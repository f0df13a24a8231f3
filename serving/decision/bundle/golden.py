"""Golden vectors: requests, and the predictions that a bundle must reproduce for them on any machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

from serving.decision.bundle.strict_json import FieldReader, parse_object
from serving.decision.errors import BundleUnproven
from serving.decision.types import Message, Prediction, Request, Role

TOLERANCE: Final = 1e-4
"""Largest difference allowed: absolute up to 1, relative above (tokens, milliseconds)."""

_VECTOR_FIELDS: Final = (
    "success",
    "uplift",
    "uplift_lower",
    "uplift_upper",
    "output_tokens_mean",
    "output_tokens_p95",
    "latency_mean_ms",
    "latency_p95_ms",
    "task_probabilities",
)


@dataclass(frozen=True, slots=True)
class GoldenVector:
    """One request and its expected prediction."""

    request: Request
    prediction: Prediction


def golden_to_json(vectors: Sequence[GoldenVector]) -> str:
    """Serialise golden vectors; of a request only what the model reads (turns and number of tools) is kept."""
    raw = [
        {
            "messages": [
                {"role": turn.role, "text": turn.text, "images": turn.images, "tool_calls": turn.tool_calls}
                for turn in vector.request.messages
            ],
            "tools": vector.request.tools,
            "prediction": {name: list(getattr(vector.prediction, name)) for name in _VECTOR_FIELDS}
            | {"support": vector.prediction.support},
        }
        for vector in vectors
    ]
    return json.dumps({"vectors": raw}, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def golden_from_json(text: str, file: str = "golden.json") -> tuple[GoldenVector, ...]:
    """Parse golden vectors; the inverse of `golden_to_json`.

    Raises
    ------
    BundleCorrupt
        If `text` is anything else, or contains no vector.
    """
    top = FieldReader(parse_object(text, file), file)
    vectors = tuple(map(_read_vector, top.nested_list("vectors")))
    top.finish()
    if not vectors:
        top.fail("vectors", "must hold one vector at least")
    return vectors


def check_golden(number: int, expected: Prediction, actual: Prediction) -> None:
    """Compare a prediction with the expected one.

    Parameters
    ----------
    number
        Index of the vector in the file, for errors; its text is not quoted.

    Raises
    ------
    BundleUnproven
        If a number differs by more than `TOLERANCE`.
    """
    for name in (*_VECTOR_FIELDS, "support"):
        wanted, found = _numbers(expected, name), _numbers(actual, name)
        if len(wanted) != len(found):
            raise BundleUnproven(f"golden vector {number}: {name} has {len(found)} numbers, not {len(wanted)}: {_CURE}")
        for index, (a, b) in enumerate(zip(wanted, found, strict=True)):
            if not abs(a - b) <= TOLERANCE * max(1.0, abs(a)):
                raise BundleUnproven(f"golden vector {number}: {name}[{index}] is {b:.6g}, must be {a:.6g}: {_CURE}")


_CURE: Final = "install the onnxruntime and tokenizers versions that thinkgate pins, or export the bundle again here"


def _numbers(prediction: Prediction, name: str) -> tuple[float, ...]:
    value = getattr(prediction, name)
    return value if isinstance(value, tuple) else (value,)


def _read_vector(fields: FieldReader) -> GoldenVector:
    messages = tuple(map(_read_message, fields.nested_list("messages")))
    request = Request(messages, tools=fields.integer("tools"))
    numbers = fields.nested("prediction")
    prediction = Prediction(
        **{name: numbers.numbers(name) for name in _VECTOR_FIELDS}, support=numbers.number("support")
    )
    numbers.finish()
    fields.finish()
    return GoldenVector(request, prediction)


def _read_message(fields: FieldReader) -> Message:
    message = Message(
        cast(Role, fields.choice("role", get_args(Role))),
        fields.string("text"),
        fields.integer("images"),
        fields.integer("tool_calls"),
    )
    fields.finish()
    return message
