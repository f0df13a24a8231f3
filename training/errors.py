"""Exceptions of training, below the kernel's exception tree; each message names its cure.

::

    ThinkgateError
    ├── TrainingError             a training step failed, not because of the data
    └── BadInput                  invalid input from the caller (exit code 2)
        └── BadHistory            outcome records
            ├── HistoryMissing    no such file
            ├── HistoryUnreadable a file as a whole can't be read: format, encoding, damage
            ├── MissingColumns    a required column is in no row
            ├── HistoryEmpty      files without a row
            └── TooLittleToLearn  valid rows, but not enough to learn an uplift
"""

from __future__ import annotations

from serving.decision import BadInput, ThinkgateError


class TrainingError(ThinkgateError):
    """A training step failed, not because of the data."""


class BadHistory(BadInput):
    """Outcome records can't be used."""


class HistoryMissing(BadHistory):
    """The given path has no file."""


class HistoryUnreadable(BadHistory):
    """A file as a whole can't be read: its format, its encoding, or damage."""


class MissingColumns(BadHistory):
    """A required column is in no row of a file."""


class HistoryEmpty(BadHistory):
    """The files have no rows."""


class TooLittleToLearn(BadHistory):
    """The rows are valid, but not enough to learn an uplift."""
