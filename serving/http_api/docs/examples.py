"""Loads the example bodies of the API document; the tests send each of them to a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import orjson

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class BodyExample:
    """One named request body."""

    name: str
    summary: str
    value: Body


def _load(name: str) -> Any:
    return orjson.loads(files("serving.http_api.docs").joinpath(name).read_bytes())


def _named_bodies(entries: list[dict[str, Any]]) -> tuple[BodyExample, ...]:
    return tuple(BodyExample(**entry) for entry in entries)


_EXAMPLES: Final = _load("examples.json")

DECISION_REQUESTS: Final = _named_bodies(_EXAMPLES["decision_requests"])
BATCH_REQUESTS: Final = _named_bodies(_EXAMPLES["batch_requests"])
OUTCOME_REPORTS: Final = _named_bodies(_EXAMPLES["outcome_reports"])
REWRITE_BODIES: Final = _named_bodies(_EXAMPLES["rewrite_bodies"])

DECISION: Final[Body] = _EXAMPLES["decision"]
REWRITTEN_BODY: Final[Body] = _EXAMPLES["rewritten_body"]
"""The first of `REWRITE_BODIES` with the decision above applied."""
REWRITE_PATCH: Final[list[Body]] = _EXAMPLES["rewrite_patch"]
"""The same change as a JSON patch."""
PORTKEY_CALLS: Final = _named_bodies(_EXAMPLES["portkey_calls"])
PORTKEY_ANSWER: Final[Body] = _EXAMPLES["portkey_answer"]
"""What the first of `PORTKEY_CALLS` is answered."""
PROBLEM: Final[Body] = _EXAMPLES["problem"]
EXPLANATION: Final[Body] = _load("explanation_example.json")
"""A real explained decision, its figures rounded."""
