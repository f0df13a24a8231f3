"""What a check is: it takes what is about to be served, and gives findings and a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serving.decision import Arm

Level = Literal["ok", "note", "refused"]


@dataclass(frozen=True, slots=True)
class DoctorInput:
    """What is about to be served.

    Parameters
    ----------
    arms
        K >= 2 arms, the baseline first.
    policy
        A `policy.toml`; None for the built-in policy.
    """

    arms: tuple[Arm, ...]
    policy: Path | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about what was looked at.

    Parameters
    ----------
    level
        `ok`; `note`: works, though not as one may expect; `refused`: a server would not start with it.
    """

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found.

    Parameters
    ----------
    columns, rows
        A table; empty where the check has none. Every row has as many cells as there are columns.
    """

    title: str
    findings: tuple[Finding, ...]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether a server would not start."""
        return any(finding.level == "refused" for finding in self.findings)


Check = Callable[[DoctorInput], CheckResult]
