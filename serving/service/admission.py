"""Admission control: decision deadline and load shedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SLOW: Final = "the model took too long"
STILL_SLOW: Final = "the model is too slow at present"
OVERLOADED: Final = "the server is overloaded"

_LATE_IN_A_ROW: Final = 3
_FIRST_REST_NS: Final = 100_000_000
_LONGEST_REST_NS: Final = 5_000_000_000


class QueueLoad:
    """Counts the HTTP requests that have arrived and not begun: what waits in the event loop."""

    __slots__ = ("arrived", "begun")

    def __init__(self) -> None:
        self.arrived = 0
        self.begun = 0

    @property
    def waiting(self) -> int:
        """Requests whose turn has not come."""
        return self.arrived - self.begun


@dataclass(frozen=True, slots=True)
class AdmissionStats:
    """Counts since the start.

    Parameters
    ----------
    late
        Answers of the model that came after the deadline; the fallback was served.
    skipped
        Times that the model was not asked, for it had been late several times in a row.
    shed
        Times that it was not asked, for too many waited.
    waiting
        Right now.
    """

    late: int = 0
    skipped: int = 0
    shed: int = 0
    waiting: int = 0


class AdmissionControl:
    """The deadline of each decision; belongs to the event loop's thread.

    A decision is computed on the event loop and can't be interrupted. So the first late ones are late; after three in a
    row the model is left alone, and probed with one request at a time: first after 0.1 s, then less and less often.

    Parameters
    ----------
    deadline_ms
        From the start of a decision to its end; 0 for none.
    max_waiting
        Most requests that may wait in the event loop behind this one; 0 for any number.
    load
        Where they are counted.
    """

    def __init__(self, deadline_ms: float = 0.0, max_waiting: int = 0, load: QueueLoad | None = None) -> None:
        self._deadline_ns = int(deadline_ms * 1e6)
        self._max_waiting = max_waiting
        self._load = load or QueueLoad()
        self._row = 0
        self._rest_ns = _FIRST_REST_NS
        self._asleep_until_ns = 0
        self._late = self._skipped = self._shed = 0

    @property
    def stats(self) -> AdmissionStats:
        """Read the counters."""
        return AdmissionStats(self._late, self._skipped, self._shed, self._load.waiting)

    def why_not(self, now_ns: int) -> str | None:
        """Say why the model should not even be asked; None where it should."""
        if self._max_waiting and self._load.waiting > self._max_waiting:
            self._shed += 1
            return OVERLOADED
        if self._row >= _LATE_IN_A_ROW:
            if now_ns < self._asleep_until_ns:
                self._skipped += 1
                return STILL_SLOW
            self._asleep_until_ns = now_ns + self._rest_ns  # this one is the probe
        return None

    def is_late(self, started_ns: int, now_ns: int) -> bool:
        """Judge an answer of the model by when it came."""
        if not self._deadline_ns:
            return False
        if now_ns - started_ns <= self._deadline_ns:
            if self._row:
                self._row, self._rest_ns = 0, _FIRST_REST_NS
            return False
        self._late += 1
        self._row += 1
        if self._row >= _LATE_IN_A_ROW:
            self._asleep_until_ns = now_ns + self._rest_ns
            self._rest_ns = min(2 * self._rest_ns, _LONGEST_REST_NS)
        return True
