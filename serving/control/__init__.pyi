from .controller import Controller, StateSnapshot
from .session_identity import SessionIdentifier
from .sessions import ROOT_BYTES, SessionTable
from .spend_ledger import MemorySpendLedger, SpendLedger, SqlSpendLedger

__all__ = [
    "ROOT_BYTES",
    "Controller",
    "MemorySpendLedger",
    "SessionIdentifier",
    "SessionTable",
    "SpendLedger",
    "SqlSpendLedger",
    "StateSnapshot",
]
