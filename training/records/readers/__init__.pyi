from .files import FORMATS, QUARANTINE_SUFFIX, find_files, format_of, parquet_rows, read_rows
from .lines import open_text
from .rows import Column, ReadLimits, Rows, objects

__all__ = [
    "FORMATS",
    "QUARANTINE_SUFFIX",
    "Column",
    "ReadLimits",
    "Rows",
    "find_files",
    "format_of",
    "objects",
    "open_text",
    "parquet_rows",
    "read_rows",
]
