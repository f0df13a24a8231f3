"""The retraining daemon: rolls back regressions, settles canaries, and retrains on a schedule, drift or volume."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path

from serving.decision import ThinkgateError
from serving.decision.bundle import load_bundle
from serving.journal import JournalEntry, Store
from training.atomic_files import read_state, write_state
from training.promotion import (
    CHAMPION,
    MIN_OUTCOMES,
    CanarySettings,
    GateLog,
    GateRecord,
    PublishFolders,
    Registry,
    Version,
    check_canary,
    check_live,
    live_outcomes,
    note_canary_start,
)
from training.retraining.drift import DriftReport, detect_drift
from training.retraining.drift_windows import traffic_window
from training.retraining.retrain import RetrainSettings, retrain

logger = logging.getLogger("thinkgate.watch")


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """Settings of `thinkgate watch`.

    Parameters
    ----------
    retrain
        How it retrains; `journal` must be set.
    every_s
        Seconds between scheduled retrainings; 0 for never.
    volume
        New outcomes after which it retrains; 0 for never.
    window
        Decisions in each of the two windows of the drift test; 0 for no test.
    alpha
        False-alarm rate of one drift test; each decision is tested in one window only.
    false_rollback
        Probability that a bundle without a regression is ever rolled back.
    guard_s
        Seconds after a promotion during which a bundle may be rolled back.
    canary_outcomes
        Outcomes of a canary's own choices after which it is champion.
    canary_s
        Seconds after which it is champion with fewer.
    """

    retrain: RetrainSettings
    every_s: float = 86_400.0
    volume: int = 0
    window: int = 1000
    alpha: float = 0.001
    false_rollback: float = 0.01
    guard_s: float = 7 * 86_400.0
    canary_outcomes: int = 500
    canary_s: float = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class DaemonState:
    """State of the daemon that survives a restart.

    Parameters
    ----------
    version
        Of the champion that the state belongs to.
    since
        Epoch seconds at which it was first seen.
    looks, outcomes
        Tests of its live outcomes, and the number of outcomes at the last test.
    looked_until
        Epoch seconds of the last decision that was tested for drift.
    trained_at, trained_on
        Epoch seconds and outcomes of the last retraining.
    changed_at
        Epoch seconds since which forecasts of an arm are off, so that older calls mislead; 0 where they are not.
        A change of prompts alone does not invalidate older calls.
    doubted
        `changed_at` was set under this champion, and every test since has confirmed it.
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
    """Result of one tick.

    Parameters
    ----------
    kind
        `quiet`, `sent_back`, `retrained`, `settled` or `dropped` (a canary), or `failed`.
    why
        `schedule`, `drift: ...`, `volume`, or the regression; for a canary in progress, its outcome count.
    """

    kind: str
    why: str = ""
    verdict: GateRecord | None = None


@dataclass(slots=True)
class Daemon:
    """Checks and retrains on each `tick`; its state is kept in the work folder."""

    settings: DaemonSettings
    clock: Callable[[], float] = time.time
    _last_error: str = field(default="", init=False)

    def tick(self) -> DaemonEvent:
        """Check once; an error is logged, and retried at the next tick."""
        try:
            event = self._tick()
        except (ThinkgateError, OSError) as error:
            event = DaemonEvent("failed", str(error))
        if event.kind == "failed" and event.why == self._last_error:
            return event
        self._last_error = event.why if event.kind == "failed" else ""
        if event.kind != "quiet":
            verdict = "" if event.verdict is None else f": {event.verdict.verdict}, {event.verdict.reason}"
            level = logging.ERROR if event.kind == "failed" else logging.INFO
            logger.log(level, "%s (%s)%s", event.kind, event.why, verdict)
        return event

    def _tick(self) -> DaemonEvent:
        how = self.settings.retrain
        how.work.mkdir(parents=True, exist_ok=True)
        gate_log = GateLog(Registry(how.registry, how.train.artifacts))
        champion = gate_log.registry.alias(CHAMPION)
        store = Store(how.journal or "")
        try:
            store.upgrade()
            state = self._state(champion)
            if champion is not None:
                rolled_back = self._roll_back_regression(gate_log, champion, store, state)
                if rolled_back is not None:
                    return rolled_back
                canary = check_canary(gate_log, champion, store, self._canary, self.clock)
                if canary is not None:
                    return DaemonEvent(canary.kind, canary.why)
                state = self._state(champion)
            why = self._reason_to_retrain(gate_log, champion, store, state)
            outcomes = store.count()[1]
        finally:
            store.close()
        if why is None:
            return DaemonEvent("quiet")
        changed = self._state(champion).changed_at
        result = retrain(replace(how, after=changed) if changed else how)
        if result.entry.canary:
            note_canary_start(gate_log, self._canary, self.clock)
        after = gate_log.registry.alias(CHAMPION)
        self._save(replace(self._state(after), trained_at=self.clock(), trained_on=outcomes))
        return DaemonEvent("retrained", why, result.entry)

    def _roll_back_regression(
        self, gate_log: GateLog, champion: Version, store: Store, state: DaemonState
    ) -> DaemonEvent | None:
        """Test the live outcomes of a new champion after every hundred outcomes; roll it back if they regressed."""
        record = gate_log.of_version(champion.version)
        if record is None or record.expected is None or self.clock() > state.since + self.settings.guard_s:
            return None
        live = live_outcomes(store.entries(since=state.since), record.bundle_id)
        if len(live.weight) < state.outcomes + MIN_OUTCOMES:
            return None
        looks = state.looks + 1
        regression = check_live(record.expected, live, looks, self.settings.false_rollback)
        self._save(replace(state, looks=looks, outcomes=len(live.weight)))
        if regression is None:
            return None
        restored = gate_log.roll_back()
        for folder in (self.settings.retrain.publish, self.settings.retrain.canary):
            if folder is not None:
                gate_log.fetch(restored, folder)
        self._save(replace(state, version=restored.version, since=self.clock(), looks=0, outcomes=0))
        return DaemonEvent("sent_back", regression.reason)

    def _reason_to_retrain(
        self, gate_log: GateLog, champion: Version | None, store: Store, state: DaemonState
    ) -> str | None:
        settings, outcomes = self.settings, store.count()[1]
        if champion is None:
            return "no champion yet" if outcomes else None
        if settings.volume and outcomes - state.trained_on >= settings.volume:
            return f"volume: {outcomes - state.trained_on} new outcomes"
        if settings.every_s and self.clock() - state.trained_at >= settings.every_s:
            return "schedule"
        return self._drift(gate_log, champion, store, state) if settings.window else None

    def _drift(self, gate_log: GateLog, champion: Version, store: Store, state: DaemonState) -> str | None:
        size = self.settings.window
        bundle = load_bundle(gate_log.fetch(champion, self.settings.retrain.work / "watched"))
        rows = (row for row in store.entries(since=state.since) if row.decision.bundle_id == bundle.bundle_id)
        reference = list(islice(rows, size))
        newest: deque[JournalEntry] = deque(
            (row for row in rows if row.decision.decided_at > state.looked_until), maxlen=size
        )
        if len(reference) < size or len(newest) < size:
            return None
        found = detect_drift(
            traffic_window(reference, bundle), traffic_window(tuple(newest), bundle), self.settings.alpha
        )
        began = state.looked_until or reference[-1].decision.decided_at
        self._save(_with_change(replace(state, looked_until=newest[-1].decision.decided_at), found, began))
        if not found.alarms:
            return None
        return "drift: " + "; ".join(f"{alarm.sentence} (p {alarm.p:.1g})" for alarm in found.alarms)

    @property
    def _canary(self) -> CanarySettings:
        settings, how = self.settings, self.settings.retrain
        folders, state = PublishFolders(how.publish, how.canary), how.work / "canary.json"
        return CanarySettings(settings.canary_outcomes, settings.canary_s, settings.false_rollback, folders, state)

    @property
    def _path(self) -> Path:
        return self.settings.retrain.work / "watch.json"

    def _state(self, champion: Version | None) -> DaemonState:
        """Read the state; a new champion resets it, except for the last retraining."""
        state = DaemonState(**read_state(self._path))
        version = "" if champion is None else champion.version
        if state.version == version:
            return state
        trained_at = state.trained_at or self.clock()
        fresh = DaemonState(version, self.clock(), 0, 0, 0.0, trained_at, state.trained_on, state.changed_at)
        self._save(fresh)
        return fresh

    def _save(self, state: DaemonState) -> None:
        write_state(self._path, asdict(state))


def _with_change(state: DaemonState, found: DriftReport, began: float) -> DaemonState:
    """Record since when an arm's forecasts are off; a later test under the same champion without alarms resets it."""
    if any(alarm.what in ("calibration", "tokens") for alarm in found.alarms):
        return state if state.doubted else replace(state, changed_at=began, doubted=True)
    return replace(state, changed_at=0.0, doubted=False) if state.doubted and not found.alarms else state
