"""Interface of importers: each call of a source is mapped to an outcome record or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import orjson

from serving.decision import Arm, Effort
from serving.decision.providers import is_arm_model
from training.records import OutcomeRecord, Unmappable


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options of an import.

    Parameters
    ----------
    arms
        Arms to find by model and effort; empty to name arms `MODEL` or `MODEL@EFFORT`.
    success, propensity
        Name of the score, metadata key or span attribute that holds the value.
    columns
        For `csv`: source column by record column.
    """

    arms: Sequence[Arm] = ()
    success: str | None = None
    propensity: str | None = None
    columns: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class MappedRow:
    """A call that was mapped to an outcome record."""

    source: str
    line: int
    outcome: OutcomeRecord


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A call or line that can't be mapped; `row` goes to quarantine as found."""

    source: str
    line: int
    kind: str
    reason: str
    row: Mapping[str, Any] | str


Call: TypeAlias = MappedRow | RefusedRow
Importer: TypeAlias = Callable[[Path, ImportOptions], Iterator[Call]]


def map_row(source: str, line: int, row: Mapping[str, Any], build: Callable[[], OutcomeRecord]) -> Call:
    """Map one call; errors become a `RefusedRow`."""
    try:
        return MappedRow(source, line, build())
    except Unmappable as error:
        return RefusedRow(source, line, error.kind, error.reason, row)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        reason = f"the row does not have the shape of this source ({type(error).__name__}): was another one meant?"
        return RefusedRow(source, line, "unexpected shape", reason, row)


def arm_of(model: str | None, effort: str | None, arms: Sequence[Arm]) -> str:
    """Return the name of the arm of a call.

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
        raise Unmappable("no model", "the call names no model, so its arm is unknown")
    if not arms:
        return f"{model}@{effort}" if effort else model
    fitting = [arm for arm in arms if is_arm_model(model, arm)]
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
    """Return an object or parse one from JSON text; empty where it is neither."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}


def first_known(*values: Any) -> Any:
    """Return the first value that is neither None nor empty text; None without one."""
    return next((value for value in values if value is not None and value != ""), None)
