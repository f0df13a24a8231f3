"""Outcome record of one call: a validated value, and parsers for cells of other tools."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import orjson

from serving.decision import BadRequest
from training.records.text_pool import as_json, conversation


class Unmappable(Exception):
    """A row of a source can't be converted to an outcome record.

    Parameters
    ----------
    kind
        The reason as counted.
    reason
        The reason in words, with the cure; never holds the prompt.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """One call of one arm; the columns are those of `data/README.md`.

    Parameters
    ----------
    prompt, messages
        One of the two; `messages` as JSON text in OpenAI chat form.
    timestamp
        Epoch seconds.
    extras
        Columns outside the schema.

    Raises
    ------
    Unmappable
        If the record is not valid: no prompt, no arm, a number out of its range.

    Examples
    --------
    >>> OutcomeRecord(arm="direct", prompt="What is 2 + 2?", success=1.0).row()
    {'prompt': 'What is 2 + 2?', 'arm': 'direct', 'success': 1.0}
    >>> OutcomeRecord(arm="direct", prompt="What is 2 + 2?", success=7.0)
    Traceback (most recent call last):
    training.records.outcome_record.Unmappable: success is 7: it must be from 0 to 1, or empty while it is not known
    """

    request_id: str | None = None
    prompt_id: str | None = None
    prompt: str | None = None
    messages: str | None = None
    arm: str = ""
    success: float | None = None
    propensity: float | None = None
    input_tokens: float | None = None
    cached_input_tokens: float | None = None
    output_tokens: float | None = None
    reasoning_tokens: float | None = None
    cost_usd: float | None = None
    gpu_seconds: float | None = None
    latency_ms: float | None = None
    retries: float | None = None
    failure_mode: str | None = None
    model: str | None = None
    task: str | None = None
    tenant: str | None = None
    session_id: str | None = None
    group: str | None = None
    timestamp: float | None = None
    extras: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not self.arm:
            raise Unmappable("no arm", "the arm of this call is unknown: name it, or give its model")
        for name in (*_AMOUNTS, "success", "propensity"):
            value = getattr(self, name)
            if value is not None and (not math.isfinite(value) or value < 0):
                raise Unmappable(f"{name} out of range", f"{name} is {value:g}: it must be 0 or more, or empty")
        if self.success is not None and self.success > 1:
            cure = "it must be from 0 to 1, or empty while it is not known"
            raise Unmappable("success out of range", f"success is {self.success:g}: {cure}")
        if self.propensity is not None and not 0 < self.propensity <= 1:
            raise Unmappable("propensity out of range", f"propensity is {self.propensity:g}: above 0, at most 1")
        if self.timestamp is not None and not 0 <= self.timestamp <= _LAST_SECOND:
            raise Unmappable("timestamp out of range", "the time must lie between 1970 and 9999")
        self._require_parts()
        try:
            if not conversation(self.prompt, self.messages):
                raise BadRequest("the prompt is empty")
        except BadRequest as error:
            raise Unmappable("no prompt", f"{error}: does the tool log prompts?") from None

    def _require_parts(self) -> None:
        for part, whole in (("reasoning_tokens", "output_tokens"), ("cached_input_tokens", "input_tokens")):
            tokens, total = getattr(self, part), getattr(self, whole)
            if tokens is not None and total is not None and tokens > total:
                raise Unmappable(
                    "tokens contradict", f"{tokens:g} {part} of {total:g} {whole}: a part exceeds its whole"
                )

    def row(self) -> dict[str, Any]:
        """Return the columns that have a value, extras included."""
        row: dict[str, Any] = {}
        for name in COLUMNS:
            value = getattr(self, name)
            if value is not None:
                row[name] = datetime.fromtimestamp(value, UTC).isoformat() if name == "timestamp" else value
        return row | {name: value for name, value in self.extras.items() if value is not None and name not in row}


_AMOUNTS: Final = (
    "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost_usd", "gpu_seconds",
    "latency_ms", "retries",
)  # fmt: skip
_LAST_SECOND: Final = 253_402_300_799.0
COLUMNS: Final = tuple(item.name for item in fields(OutcomeRecord) if item.name != "extras")
"""The columns in the order in which files have them."""
NUMBERS: Final = (*_AMOUNTS, "success", "propensity")


def chat_text(messages: object) -> str | None:
    """Serialise messages as JSON text; None where there are none.

    Raises
    ------
    Unmappable
        If they are not a list of turns.

    Examples
    --------
    >>> chat_text([{"role": "user", "content": "Hi"}])
    '[{"role": "user", "content": "Hi"}]'
    """
    if messages is None or messages in ("", "{}", "[]", {}, []):
        return None
    try:
        if isinstance(messages, str):
            messages = orjson.loads(messages)
        return as_json(messages)
    except (BadRequest, orjson.JSONDecodeError) as error:
        raise Unmappable("messages not readable", f"messages are not a list of turns ({error})") from None


def number(value: object, name: str) -> float | None:
    """Read a number that may be text; None where there is none.

    Raises
    ------
    Unmappable
        If it is neither.

    Examples
    --------
    >>> number("12.5", "cost"), number(True, "success"), number("", "cost")
    (12.5, 1.0, None)
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return float(value.strip().lower() == "true")
    try:
        found = float(value)  # type: ignore[arg-type] # what is no number is refused
    except (TypeError, ValueError, OverflowError):
        raise Unmappable(f"{name} is no number", f"{name} is not a number: write digits, or leave it empty") from None
    if not math.isfinite(found):
        raise Unmappable(f"{name} is no number", f"{name} is {found}: leave it empty where it is not known")
    return found


def instant(value: object, name: str = "timestamp") -> float | None:
    """Parse a time, ISO 8601 (UTC where no zone is named) or an epoch in s, ms, us or ns, as epoch seconds.

    Raises
    ------
    Unmappable
        If it is neither.

    Examples
    --------
    >>> instant("1970-01-01 00:01:00"), instant(1_700_000_000_000), instant("")
    (60.0, 1700000000.0, None)
    """
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, str) and value.strip():
        try:
            moment = datetime.fromisoformat(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except ValueError:
            pass
    seconds = number(value, name)
    if seconds is None:
        return None
    unit = next((unit for least, unit in ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3)) if seconds >= least), 1.0)
    return seconds / unit


def label(value: object) -> str | None:
    """Convert a value to a label; None where it is empty, a boolean, a list or an object."""
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return None
    return str(value).strip() or None
