"""The journal: every decision and every outcome reported for it, durable, and never in the way of a decision."""

from serving.journal.decision_draft import DecisionDraft
from serving.journal.rows import DecisionRow, JournalEntry, OutcomeRow
from serving.journal.store import Store
from serving.journal.writer import Journal, JournalUnavailable

__all__ = ["DecisionDraft", "DecisionRow", "Journal", "JournalEntry", "JournalUnavailable", "OutcomeRow", "Store"]
