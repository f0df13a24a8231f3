from .base import ImportOptions, RefusedRow, json_object
from .catalog import SOURCES, import_history
from .download import fetch
from .streams import SourceRow, rows_of

__all__ = [
    "SOURCES",
    "ImportOptions",
    "RefusedRow",
    "SourceRow",
    "fetch",
    "import_history",
    "json_object",
    "rows_of",
]
