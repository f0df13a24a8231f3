"""The daemon beside the server: sends a bundle back that strays, and retrains on a schedule, on drift and on volume."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

import orjson

from serving.decision.bundle.loader import load_bundle
from serving.decision.errors import ThinkgateError
from serving.journal.rows import JournalEntry as Journalled
from serving.journal.store import Store
from training.promotion.canary import CanarySettings, PublishFolders, check_canary, note_canary_start
from training.promotion.gate_log import GateLog, GateRecord
from training.promotion.live_check import check_live, live_of
from training.promotion.registry import CHAMPION, Registry, Version
from training.retraining.drift import DriftReport, detect_drift
from training.retraining.drift_windows import traffic_window
from training.retraining.retrain import RetrainSettings, retrain

logger = logging.getLogger("thinkgate.watch")


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """What `thinkgate watch` can be told.

    Parameters
    ----------
    retrain
        How it retrains; `journal` must be set.
    every_s
        Seconds after which it retrains, whatever else; 0 for never.
    volume
        New outcomes after which it retrains; 0 for never.
    window
        Decisions in each of the two windows that drift is looked for in; 0 for never.
    alpha
        Chance of a false alarm of drift at one look; each decision is looked at in one window alone.
    send_back
        Chance that a good bundle is ever sent back.
    guard_s
        Seconds after a promotion during which a bundle may be sent back.
    canary_outcomes
        Outcomes of a canary's own choices after which it is champion.
    canary_s
        Seconds after which it is that with fewer.
    """

    retrain: RetrainSettings
    every_s: float = 86_400.0
    volume: int = 0
    window: int = 1000
    alpha: float = 0.001
    send_back: float = 0.01
    guard_s: float = 7 * 86_400.0
    canary_outcomes: int = 500
    canary_s: float = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class DaemonState:
    """What the daemon knows after a restart.

    Parameters
    ----------
    version
        Of the champion that the rest speaks of.
    since
        Epoch seconds at which it was first seen.
    looks, outcomes
        Looks at its live outcomes, and how many there were at the last of them.
    looked_until
        Epoch seconds of the last decision that drift was looked for in.
    trained_at, trained_on
        Epoch seconds and outcomes of the last retraining.
    changed_at
        Epoch seconds since which forecasts of an arm fail, so that older calls mislead; 0 where they don't.
        Other prompts alone make no older call wrong.
    doubted
        That was seen under this champion, and every look since has seen it.
    """

    version: str = ""
    since: float = 0.0
    looks: int = 0
    outcomes: int = 0
    looked_until: float = 0.0
    trained_at: float = 0.0
    trained_on: int = 0
    changed_at: float = 0.0
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class DaemonEvent:
    """What one look led to.

    Parameters
    ----------
    kind
        `quiet`, `sent_back`, `retrained`, `settled` or `dropped` (a canary), or `failed`.
    why
        `schedule`, `drift: ...`, `volume`, or what strayed; of a quiet look at a canary how far it is.
    """

    kind: str
    why: str = ""
    verdict: GateRecord | None = None


@dataclass(slots=True)
class Daemon:
    """Looks when it is told to; everything that it must remember lies in the work folder."""

    settings: DaemonSettings
    clock: Callable[[], float] = time.time
    _said: str = field(default="", init=False)

    def look(self) -> DaemonEvent:
        """Look once; what goes wrong is logged, and tried again at the next look."""
        try:
            event = self._look()
        except (ThinkgateError, OSError) as error:
            event = DaemonEvent("failed", str(error))
        if event.kind == "failed" and event.why == self._said:
            return event
        self._said = event.why if event.kind == "failed" else ""
        if event.kind != "quiet":
            verdict = "" if event.verdict is None else f": {event.verdict.verdict}, {event.verdict.reason}"
            level = logging.ERROR if event.kind == "failed" else logging.INFO
            logger.log(level, "%s (%s)%s", event.kind, event.why, verdict)
        return event

    def _look(self) -> DaemonEvent:
        how = self.settings.retrain
        how.work.mkdir(parents=True, exist_ok=True)
        book = GateLog(Registry(how.registry, how.train.artifacts))
        champion = book.registry.alias(CHAMPION)
        store = Store(how.journal or "")
        try:
            store.upgrade()
            noted = self._noted(champion)
            if champion is not None:
                strayed = self._strayed(book, champion, store, noted)
                if strayed is not None:
                    return strayed
                trial = check_canary(book, champion, store, self._canary, self.clock)
                if trial is not None:
                    return DaemonEvent(trial.kind, trial.why)
                noted = self._noted(champion)
            why = self._why(book, champion, store, noted)
            outcomes = store.count()[1]
        finally:
            store.close()
        if why is None:
            return DaemonEvent("quiet")
        changed = self._noted(champion).changed_at
        done = retrain(replace(how, after=changed) if changed else how)
        if done.entry.canary:
            note_canary_start(book, self._canary, self.clock)
        after = book.registry.alias(CHAMPION)
        self._note(replace(self._noted(after), trained_at=self.clock(), trained_on=outcomes))
        return DaemonEvent("retrained", why, done.entry)

    def _strayed(self, book: GateLog, champion: Version, store: Store, noted: DaemonState) -> DaemonEvent | None:
        """Look at the live outcomes of a fresh champion, each time that a hundred more are there."""
        told = book.of_version(champion.version)
        if told is None or told.expected is None or self.clock() > noted.since + self.settings.guard_s:
            return None
        live = live_of(store.entries(since=noted.since), told.bundle_id)
        if len(live.weight) < noted.outcomes + 100:
            return None
        looks = noted.looks + 1
        strayed = check_live(told.expected, live, looks, self.settings.send_back)
        self._note(replace(noted, looks=looks, outcomes=len(live.weight)))
        if strayed is None:
            return None
        back = book.roll_back()
        for folder in (self.settings.retrain.publish, self.settings.retrain.canary):
            if folder is not None:
                book.fetch(back, folder)
        self._note(replace(noted, version=back.version, since=self.clock(), looks=0, outcomes=0))
        return DaemonEvent("sent_back", strayed.reason)

    def _why(self, book: GateLog, champion: Version | None, store: Store, noted: DaemonState) -> str | None:
        settings, outcomes = self.settings, store.count()[1]
        if champion is None:
            return "no champion yet" if outcomes else None
        if settings.volume and outcomes - noted.trained_on >= settings.volume:
            return f"volume: {outcomes - noted.trained_on} new outcomes"
        if settings.every_s and self.clock() - noted.trained_at >= settings.every_s:
            return "schedule"
        return self._drift(book, champion, store, noted) if settings.window else None

    def _drift(self, book: GateLog, champion: Version, store: Store, noted: DaemonState) -> str | None:
        size = self.settings.window
        bundle = load_bundle(book.fetch(champion, self.settings.retrain.work / "watched"))
        rows = (row for row in store.entries(since=noted.since) if row.decision.bundle_id == bundle.bundle_id)
        reference = list(islice(rows, size))
        newest: deque[Journalled] = deque(
            (row for row in rows if row.decision.decided_at > noted.looked_until), maxlen=size
        )
        if len(reference) < size or len(newest) < size:
            return None
        found = detect_drift(
            traffic_window(reference, bundle), traffic_window(tuple(newest), bundle), self.settings.alpha
        )
        began = noted.looked_until or reference[-1].decision.decided_at
        self._note(_changed(replace(noted, looked_until=newest[-1].decision.decided_at), found, began))
        if not found.alarms:
            return None
        return "drift: " + "; ".join(f"{alarm.sentence} (p {alarm.p:.1g})" for alarm in found.alarms)

    @property
    def _canary(self) -> CanarySettings:
        settings, how = self.settings, self.settings.retrain
        folders, notes = PublishFolders(how.publish, how.canary), how.work / "canary.json"
        return CanarySettings(settings.canary_outcomes, settings.canary_s, settings.send_back, folders, notes)

    @property
    def _path(self) -> Path:
        return self.settings.retrain.work / "watch.json"

    def _noted(self, champion: Version | None) -> DaemonState:
        """Read the notes; those on another champion are over, but for when was trained last."""
        noted = DaemonState(**orjson.loads(self._path.read_bytes())) if self._path.is_file() else DaemonState()
        version = "" if champion is None else champion.version
        if noted.version == version:
            return noted
        trained_at = noted.trained_at or self.clock()
        fresh = DaemonState(version, self.clock(), 0, 0, 0.0, trained_at, noted.trained_on, noted.changed_at)
        self._note(fresh)
        return fresh

    def _note(self, noted: DaemonState) -> None:
        part = self._path.with_suffix(".part")
        part.write_bytes(orjson.dumps(asdict(noted)))
        part.replace(self._path)


def _changed(noted: DaemonState, found: DriftReport, began: float) -> DaemonState:
    """Note since when an arm's forecasts fail; a look under the same champion that finds nothing takes it back."""
    if any(alarm.what in ("calibration", "tokens") for alarm in found.alarms):
        return noted if noted.doubted else replace(noted, changed_at=began, doubted=True)
    return replace(noted, changed_at=0.0, doubted=False) if noted.doubted and not found.alarms else noted
