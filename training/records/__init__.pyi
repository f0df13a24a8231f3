from .frame_builder import Fingerprint
from .groups import call_groups
from .history import Counts, History, count_shared_ids, has_synthetic, read, require_rows
from .outcome_record import COLUMNS, NUMBERS, OutcomeRecord, Unmappable, chat_text, instant, label, number
from .quarantine import Quarantine, QuarantinedExample
from .schema import KNOWN
from .text_pool import conversation, iter_cells
from .validation import RowValidator
from .writer import open_writer

__all__ = [
    "COLUMNS",
    "KNOWN",
    "NUMBERS",
    "Counts",
    "Fingerprint",
    "History",
    "OutcomeRecord",
    "Quarantine",
    "QuarantinedExample",
    "RowValidator",
    "Unmappable",
    "call_groups",
    "chat_text",
    "conversation",
    "count_shared_ids",
    "has_synthetic",
    "instant",
    "iter_cells",
    "label",
    "number",
    "open_writer",
    "read",
    "require_rows",
]
