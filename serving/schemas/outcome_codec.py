"""Outcome reports on the wire: strict models, and conversion to journal rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from serving.decision import Effort
from serving.journal import OutcomeRow
from serving.schemas.json_codec import invalid_request, list_faults
from serving.schemas.models import Amount, Name, WireModel
from serving.schemas.problems import BodyFault, Rejected

Source = Literal["code", "human", "judge", "implicit"]
FailureMode = Literal["verbose_wrong_answer", "task_drift", "timeout", "token_bloat", "false_confidence"]

MAX_ID: Final = 64
_MAX_COUNT: Final = 2**53
_MAX_TIME: Final = 1e11

Count = Annotated[int, Field(ge=0, le=_MAX_COUNT)]
Milliseconds = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


class OutcomeReport(WireModel):
    """The outcome of one decided call; leave out what is not known, and report again when it is."""

    decision_id: Annotated[
        str, Field(min_length=1, max_length=MAX_ID, description="The decision's; it may still be unknown here.")
    ]
    success: Annotated[
        Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None, Field(description="Task success in [0, 1].")
    ] = None
    input_tokens: Count | None = None
    cached_input_tokens: Count | None = None
    output_tokens: Annotated[Count | None, Field(description="Visible and hidden ones.")] = None
    reasoning_tokens: Annotated[Count | None, Field(description="The hidden part of `output_tokens`.")] = None
    cost_usd: Amount | None = None
    gpu_seconds: Amount | None = None
    latency_ms: Milliseconds | None = None
    retries: Annotated[Annotated[int, Field(ge=0, le=1_000_000)] | None, Field(description="Repeated calls.")] = None
    failure_mode: Annotated[FailureMode | None, Field(description="How it failed, where it did.")] = None
    arm: Annotated[Name | None, Field(description="The arm that really served, where it is another one.")] = None
    model: Annotated[Name | None, Field(description="The model that really served, where it is another one.")] = None
    source: Annotated[
        Source | None,
        Field(description="Who judged `success`: a program, a person, a model, or what the user did next."),
    ] = None
    applied_effort: Annotated[
        Effort | None,
        Field(
            description="The effort that the provider was really asked for, where it is another than was decided;"
            " left out: as decided."
        ),
    ] = None
    applied_model: Annotated[
        Name | None, Field(description="The model that was really asked for, where it is another than was decided.")
    ] = None
    timestamp: Annotated[
        Annotated[float, Field(ge=0, le=_MAX_TIME, allow_inf_nan=False)] | None,
        Field(description="Seconds since the epoch; of two reports that name the same field the later one counts."),
    ] = None


class OutcomesAnswer(WireModel):
    """Acknowledges: these outcomes are durable."""

    accepted: Annotated[int, Field(description="Outcomes that are durable now, repeats included.")]


class ForgottenAnswer(WireModel):
    """Acknowledges: these decisions are gone."""

    decisions: Annotated[int, Field(description="Decisions that were deleted, with their outcomes.")]


_REPORTS: Final = TypeAdapter(list[OutcomeReport])


def read_outcomes(raw: object, max_items: int, now: Callable[[], float]) -> tuple[OutcomeRow, ...]:
    """Validate a report and convert it to rows: all of it or nothing.

    Parameters
    ----------
    raw
        Parsed JSON.
    max_items
        Longest list.
    now
        Returns epoch seconds, for outcomes without a timestamp.

    Raises
    ------
    Rejected
        With `invalid-request`; pointers into a list name the item.
    """
    many = isinstance(raw, list)
    if isinstance(raw, list) and not 0 < len(raw) <= max_items:
        raise Rejected(invalid_request((BodyFault("#", f"{len(raw)} outcomes; send 1 to {max_items} in one report"),)))
    try:
        reports = _REPORTS.validate_python(raw if many else [raw])
    except ValidationError as error:
        raise Rejected(invalid_request(list_faults(error, skip=0 if many else 1))) from None
    return tuple(_row(report, now) for report in reports)


def _row(report: OutcomeReport, now: Callable[[], float]) -> OutcomeRow:
    values = dict(report)
    timestamp = values.pop("timestamp")
    return OutcomeRow(reported_at=now() if timestamp is None else timestamp, **values)
