"""Hands each decision to the journal: the hot path pays for one append, and nothing more."""

from __future__ import annotations

from serving.decision.engine import RecordedDecision
from serving.decision.types import Request
from serving.journal import DecisionDraft, Journal
from serving.journal.redaction import StorePrompts


class JournalSink:
    """A `DecisionSink` that writes the journal.

    Parameters
    ----------
    privacy
        What of a prompt may be stored.
    """

    def __init__(self, journal: Journal, privacy: StorePrompts) -> None:
        self._journal, self._privacy = journal, privacy

    def decided(self, request: Request, decided: RecordedDecision) -> None:
        """Queue one decision."""
        self._journal.record(DecisionDraft(request, decided, self._privacy))
