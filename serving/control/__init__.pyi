from .controller import Controller, StateSnapshot
from .sessions import SessionTable
from .spend_ledger import MemorySpendLedger, SpendLedger, SqlSpendLedger

__all__ = [
    "Controller",
    "MemorySpendLedger",
    "SessionTable",
    "SpendLedger",
    "SqlSpendLedger",
    "StateSnapshot",
]
