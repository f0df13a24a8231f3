"""Every error training raises on purpose, hung under the kernel's tree; each message names its cure.

::

    ThinkgateError
    ├── TrainingError             a step of training can't go on; the data is not at fault
    └── BadInput                  what the caller gave can't be used (exit code 2)
        └── BadHistory            outcome records
            ├── HistoryMissing    no file there
            ├── HistoryUnreadable a file as a whole can't be read: format, encoding, damage
            ├── MissingColumns    a core column is in no row
            ├── HistoryEmpty      files, but not one row
            └── TooLittleToLearn  valid rows that can't teach an uplift
"""

from __future__ import annotations

from serving.decision.errors import BadInput, ThinkgateError


class TrainingError(ThinkgateError):
    """A step of training can't go on, and the data is not at fault."""


class BadHistory(BadInput):
    """Outcome records that can't be used."""


class HistoryMissing(BadHistory):
    """No file is at the given place."""


class HistoryUnreadable(BadHistory):
    """A file as a whole can't be read: its format, its encoding, or damage."""


class MissingColumns(BadHistory):
    """A core column is in no row of a file."""


class HistoryEmpty(BadHistory):
    """There are files, but not one row in them."""


class TooLittleToLearn(BadHistory):
    """The rows are valid, but no uplift can be learnt from them."""
