"""Golden vectors: requests, and the numbers that a bundle must give for them on any machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

from serving.decision.bundle.strict_json import Fields, parse_object
from serving.decision.errors import BundleUnproven
from serving.decision.types import Message, Prediction, Request, Role

TOLERANCE: Final = 1e-4
"""Largest difference allowed, absolute up to 1 and relative above: for tokens and milliseconds."""

_VECTORS: Final = (
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
    """One request and the prediction that it must give."""

    request: Request
    prediction: Prediction


def golden_to_json(vectors: Sequence[GoldenVector]) -> str:
    """Write golden vectors; of a request only what the model reads (turns and number of tools) is kept."""
    facts = [
        {
            "messages": [
                {"role": turn.role, "text": turn.text, "images": turn.images, "tool_calls": turn.tool_calls}
                for turn in vector.request.messages
            ],
            "tools": vector.request.tools,
            "prediction": {name: list(getattr(vector.prediction, name)) for name in _VECTORS}
            | {"support": vector.prediction.support},
        }
        for vector in vectors
    ]
    return json.dumps({"vectors": facts}, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def golden_from_json(text: str, file: str = "golden.json") -> tuple[GoldenVector, ...]:
    """Read golden vectors; the inverse of `golden_to_json`.

    Raises
    ------
    BundleCorrupt
        If `text` is anything else, or holds no vector at all.
    """
    top = Fields(parse_object(text, file), file)
    vectors = tuple(map(_read, top.many("vectors")))
    top.done()
    if not vectors:
        top.refuse("vectors", "must hold one vector at least")
    return vectors


def check_golden(number: int, wanted: Prediction, got: Prediction) -> None:
    """Compare what came out with what must come out.

    Parameters
    ----------
    number
        The vector's place in the file, named in errors; its text is not.

    Raises
    ------
    BundleUnproven
        If a number differs by more than `TOLERANCE`.
    """
    for name in (*_VECTORS, "support"):
        expected, found = _numbers(wanted, name), _numbers(got, name)
        if len(expected) != len(found):
            raise BundleUnproven(
                f"golden vector {number}: {name} has {len(found)} numbers, not {len(expected)}: {_CURE}"
            )
        for place, (a, b) in enumerate(zip(expected, found, strict=True)):
            if not abs(a - b) <= TOLERANCE * max(1.0, abs(a)):
                raise BundleUnproven(f"golden vector {number}: {name}[{place}] is {b:.6g}, must be {a:.6g}: {_CURE}")


_CURE: Final = "install the onnxruntime and tokenizers versions that thinkgate pins, or export the bundle again here"


def _numbers(prediction: Prediction, name: str) -> tuple[float, ...]:
    value = getattr(prediction, name)
    return value if isinstance(value, tuple) else (value,)


def _read(fields: Fields) -> GoldenVector:
    messages = tuple(map(_read_message, fields.many("messages")))
    request = Request(messages, tools=fields.whole("tools"))
    numbers = fields.fields("prediction")
    prediction = Prediction(**{name: numbers.numbers(name) for name in _VECTORS}, support=numbers.number("support"))
    numbers.done()
    fields.done()
    return GoldenVector(request, prediction)


def _read_message(fields: Fields) -> Message:
    message = Message(
        cast(Role, fields.one_of("role", get_args(Role))),
        fields.text("text"),
        fields.whole("images"),
        fields.whole("tool_calls"),
    )
    fields.done()
    return message
