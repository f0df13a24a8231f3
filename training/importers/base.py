"""What an importer is: it takes a place apart into calls, each one mapped to an outcome or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import orjson

from serving.decision.providers.rewrite import same_model
from serving.decision.types import Arm, Effort
from training.records.outcome_record import OutcomeRecord, Unmappable


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the caller tells an importer.

    Parameters
    ----------
    arms
        Arms that records are named by, found through model and effort; empty to name them `MODEL` or `MODEL@EFFORT`.
    success, propensity
        Name of the score, metadata key or span attribute that holds it, where the source has a place for such things.
    columns
        For `csv`: the source's column names by the record's.
    """

    arms: Sequence[Arm] = ()
    success: str | None = None
    propensity: str | None = None
    columns: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class MappedRow:
    """A call that became a record."""

    source: str
    line: int
    outcome: OutcomeRecord


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A call, or a line that is none, that could not be mapped; `row` goes to quarantine as it was found."""

    source: str
    line: int
    kind: str
    reason: str
    row: Mapping[str, Any] | str


Call: TypeAlias = MappedRow | RefusedRow
Importer: TypeAlias = Callable[[Path, ImportOptions], Iterator[Call]]


def attempt(source: str, line: int, row: Mapping[str, Any], make: Callable[[], OutcomeRecord]) -> Call:
    """Map one call; what can't be mapped is refused, never raised."""
    try:
        return MappedRow(source, line, make())
    except Unmappable as fault:
        return RefusedRow(source, line, fault.kind, fault.reason, row)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, RecursionError) as fault:
        reason = f"the row does not have the shape of this source ({type(fault).__name__}): was another one meant?"
        return RefusedRow(source, line, "unexpected shape", reason, row)


def arm_of(model: str | None, effort: str | None, arms: Sequence[Arm]) -> str:
    """Name the arm of a call.

    Raises
    ------
    Unmappable
        If no arm, or more than one, fits.

    Examples
    --------
    >>> arm_of("gpt-5.1-2025-11-13", "high", [Arm("direct", "gpt-5.1"), Arm("reasoning", "gpt-5.1", "high")])
    'reasoning'
    >>> arm_of("gpt-5.1", "high", []), arm_of("gpt-5.1", None, [])
    ('gpt-5.1@high', 'gpt-5.1')
    """
    if not model:
        raise Unmappable("no model", "the call names no model, so no arm can be told")
    if not arms:
        return f"{model}@{effort}" if effort else model
    fitting = [arm for arm in arms if same_model(model, arm.model)]
    if effort is not None:
        fitting = [arm for arm in fitting if arm.effort == cast(Effort, effort)]
    if len(fitting) == 1:
        return fitting[0].name
    if fitting:
        names = ", ".join(arm.name for arm in fitting)
        raise Unmappable("effort not known", f"{model} serves {names} and the call does not say at which effort")
    asked = f"{model} at effort {effort}" if effort else model
    raise Unmappable("no arm for the model", f"no arm is {asked}: add it to arms.toml if it is one")


def json_object(value: object) -> dict[str, Any]:
    """Give an object that may be JSON text; empty where it is neither."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}


def first_known(*values: Any) -> Any:
    """Give the first value that is there."""
    return next((value for value in values if value is not None and value != ""), None)
