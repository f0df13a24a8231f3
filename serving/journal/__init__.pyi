from .database import insert_into, open_database
from .decision_draft import DecisionDraft, build_row
from .factory import ALONE, NONE, JournalSink, WorkerSlot, open_journal
from .policy_snapshot import PolicySnapshotRow, bind_snapshot, snapshot_policy
from .redaction import StorePrompts, redact
from .rows import DecisionRow, JournalEntry, OutcomeRow, ServedDecision, storable
from .settings import JournalSettings, JournalStats
from .store import Store
from .treatment import ArmsOfPolicy, Treatment, find_arm, journalled_arms, no_arms, treatment_of
from .writer import Journal, JournalUnavailable

__all__ = [
    "ALONE",
    "NONE",
    "ArmsOfPolicy",
    "DecisionDraft",
    "DecisionRow",
    "Journal",
    "JournalEntry",
    "JournalSettings",
    "JournalSink",
    "JournalStats",
    "JournalUnavailable",
    "OutcomeRow",
    "PolicySnapshotRow",
    "ServedDecision",
    "Store",
    "StorePrompts",
    "Treatment",
    "WorkerSlot",
    "bind_snapshot",
    "build_row",
    "find_arm",
    "insert_into",
    "journalled_arms",
    "no_arms",
    "open_database",
    "open_journal",
    "redact",
    "snapshot_policy",
    "storable",
    "treatment_of",
]
