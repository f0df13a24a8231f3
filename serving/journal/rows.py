"""Rows of the journal: one per decision, one per report of an outcome."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import orjson

from serving.decision import fast_dataclass


@fast_dataclass
class ServedDecision:
    """Facts about a served decision that its journal row and its explanation share.

    Parameters
    ----------
    decided_at
        Seconds since the epoch.
    propensity
        Probability with which the policy chose this arm, in (0, 1].
    elapsed_us
        Microseconds that the decision took.
    prompt_id
        Hash of the normalised prompt; empty under `--store-prompts none`.
    """

    decision_id: str
    decided_at: float
    arm: str
    model: str
    effort: str
    bucket: str
    propensity: float
    reason: str
    policy: str
    bundle_id: str
    support: float
    fallback: str | None
    elapsed_us: int
    tenant: str | None
    session_id: str | None
    task: str | None
    prompt_id: str


@fast_dataclass
class DecisionRow(ServedDecision):
    """One decision in the journal.

    Parameters
    ----------
    expected_success, expected_cost_usd, expected_output_tokens, expected_latency_p95_ms
        Forecast of `applied_arm`, or of the chosen arm where that is not known; 0 in a fallback.
    messages
        JSON list of messages as far as `--store-prompts` allows; None where prompts are not stored.
    replay
        JSON record from which the kernel makes the same decision again.
    shadow_bundle_id, shadow_arm
        What the shadow bundle decided for the same request.
    applied_model, applied_effort
        What the provider was really asked for; None where it is not known. All `applied_` fields and `not_applied` are
        None where only the caller knows: then the call was served as decided, unless an outcome says otherwise.
    applied_arm
        The arm that amounts to these two; None where none does.
    applied_propensity
        Probability, in (0, 1], with which the request was to get this treatment, whichever arm was drawn.
    not_applied
        Why the call does not ask for what was decided, as a short code; None where it does.
    propensities
        JSON object: each arm's probability to be drawn, as the kernel drew; None in rows of earlier versions.
    """

    expected_success: float
    expected_cost_usd: float
    expected_output_tokens: float
    expected_latency_p95_ms: float
    messages: str | None = None
    replay: str | None = None
    shadow_bundle_id: str | None = None
    shadow_arm: str | None = None
    applied_model: str | None = None
    applied_effort: str | None = None
    applied_arm: str | None = None
    not_applied: str | None = None
    propensities: str | None = None
    applied_propensity: float | None = None

    @property
    def is_reported_by_gateway(self) -> bool:
        """Whether the row itself says what was applied."""
        return self.applied_model is not None or self.not_applied is not None

    @property
    def served_arm(self) -> str | None:
        """The arm that the call amounts to, as far as the row says; None where it is none, or unknown."""
        return self.applied_arm if self.is_reported_by_gateway else self.arm


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One report of an outcome; fields that the reporter does not know are None.

    Parameters
    ----------
    reported_at
        Seconds since the epoch; of two reports that name the same field, the later one counts.
    arm, model
        That served, where they are others than decided.
    source
        Who judged success: `code`, `human`, `judge` or `implicit`.
    applied_effort, applied_model
        What the caller asked the provider for; None: as decided, or as the decision's row says.
    """

    decision_id: str
    reported_at: float
    success: float | None = None
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    gpu_seconds: float | None = None
    latency_ms: float | None = None
    retries: int | None = None
    failure_mode: str | None = None
    arm: str | None = None
    model: str | None = None
    source: str | None = None
    applied_effort: str | None = None
    applied_model: str | None = None

    @property
    def digest(self) -> str:
        """Hash of the reported fields without the time: the same report twice is one row.

        A report that names none of the newer fields has the hash that earlier versions gave it.
        """
        newer = {name: value for name in _NEWER if (value := getattr(self, name)) is not None}
        older = [getattr(self, name) for name in _REPORTED if name not in _NEWER]
        content = orjson.dumps([*older, newer] if newer else older)
        return hashlib.blake2b(content, digest_size=16).hexdigest()


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NEWER = ("source", "applied_effort", "applied_model")
_REPORTED = tuple(field.name for field in fields(OutcomeRow) if field.name != "reported_at")


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A decision with its merged outcome, None where nothing was reported yet."""

    decision: DecisionRow
    outcome: OutcomeRow | None


def merge_outcomes(reports: Iterable[OutcomeRow]) -> OutcomeRow:
    """Merge the reports on one decision: field by field, the latest report that names it counts.

    Examples
    --------
    >>> early = OutcomeRow("d", 1.0, success=0.0, latency_ms=80.0)
    >>> merge_outcomes([OutcomeRow("d", 2.0, success=1.0), early]).success
    1.0
    >>> merge_outcomes([OutcomeRow("d", 2.0, success=1.0), early]).latency_ms
    80.0
    """
    first, *rest = sorted(reports, key=lambda report: report.reported_at)
    for report in rest:
        known = {name: getattr(report, name) for name in _REPORTED if getattr(report, name) is not None}
        first = replace(first, reported_at=report.reported_at, **known)
    return first


def to_columns(row: DecisionRow | OutcomeRow) -> dict[str, Any]:
    """Convert a row to column values that every database accepts: no NUL, no lone surrogate."""
    return {
        field.name: storable(value) if isinstance(value, str) else value
        for field in fields(row)
        for value in [getattr(row, field.name)]
    }


def from_columns(kind: type[DecisionRow] | type[OutcomeRow], columns: Mapping[str, Any]) -> Any:
    """Convert column values back to a row; columns that the row type does not have are ignored."""
    return kind(**{field.name: columns[field.name] for field in fields(kind) if field.name in columns})


def storable(text: str) -> str:
    r"""Replace characters that PostgreSQL or UTF-8 can't store.

    Examples
    --------
    >>> storable("a\x00b\ud800")
    'a�b�'
    """
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)
