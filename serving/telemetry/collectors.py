"""Reads, before each publication, what other parts count for themselves: journal, door, guard, live bundle, process."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from serving.auth.authorizer import Authorizer
from serving.journal.settings import JournalStats
from serving.model.lifecycle import ModelLifecycle
from serving.model.slot import EngineSlot
from serving.service.admission import AdmissionStats
from serving.service.decision_service import DecisionStats
from serving.service.exploration_cap import ExplorationStats
from serving.service.outcome_service import OutcomeStats
from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.tracing import DecisionTracer

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_STATM: Final = Path("/proc/self/statm")


def collect_process(ledger: MetricRegistry, version: str) -> None:
    """Show version, memory and processor time of all workers, and how many there are."""
    ledger.gauge("thinkgate_build_info", "Version of thinkgate.", ("version",), "max").set(1.0, (version,))
    ledger.gauge("thinkgate_workers", "Processes that serve.").set(1.0)
    memory = ledger.gauge("thinkgate_resident_memory_bytes", "Resident memory of all workers.")
    used = ledger.counter("thinkgate_cpu_seconds", "Processor time of all workers.")

    def probe() -> None:
        told = resource.getrusage(resource.RUSAGE_SELF)
        used.put((), told.ru_utime + told.ru_stime)
        if _STATM.exists():
            memory.set(int(_STATM.read_text().split()[1]) * _PAGE)

    ledger.probes.append(probe)


def collect_bundle(ledger: MetricRegistry, slot: EngineSlot) -> None:
    """Show what is live: two bundles at once only while workers swap."""
    info = ledger.gauge(
        "thinkgate_bundle_info", "The live bundle and policy.", ("bundle_id", "policy", "cold_start"), "max"
    )
    made = ledger.gauge("thinkgate_bundle_created_timestamp_seconds", "When the live bundle was trained.", across="min")

    def probe() -> None:
        live = slot.live
        info.only({(live.bundle_id, live.policy, str(live.cold_start).lower()): 1.0})
        created = _moment(live.facts)
        made.only({} if created is None else {(): created})

    ledger.probes.append(probe)


def collect_model(ledger: MetricRegistry, following: ModelLifecycle) -> None:
    """Show what the sources of model, policy and shadow brought, and how far the shadow agrees."""
    changes = ledger.counter(
        "thinkgate_live_changes", "Models and policies that went live, came back, or were refused.", ("what", "fate")
    )
    reachable = ledger.gauge("thinkgate_model_source_reachable", "1 while the model's source answers.", across="min")
    beside = ledger.counter("thinkgate_shadow_decisions", "Decisions of the shadow bundle by fate.", ("fate",))

    def probe() -> None:
        kept = following.keeper.stats
        changes.put(("model", "live"), kept.swaps)
        changes.put(("model", "rolled_back"), kept.rollbacks)
        changes.put(("policy", "live"), kept.policy_swaps)
        changes.put(("policy", "refused"), kept.policies_refused)
        told = [reloader.stats for reloader in following.reloaders]
        changes.put(("model", "refused"), sum(stats.refused for stats in told))
        reachable.only({(): float(all(stats.reachable for stats in told))} if told else {})
        if following.shadow is not None:
            shadow = following.shadow.stats
            for fate, count in (
                ("agreed", shadow.agreed),
                ("differed", shadow.decided - shadow.agreed),
                ("shed", shadow.shed),
                ("failed", shadow.failed),
            ):
                beside.put((fate,), count)

    ledger.probes.append(probe)


def collect_decision_service(
    ledger: MetricRegistry,
    stats: Callable[[], DecisionStats],
    desk: Callable[[], OutcomeStats],
    traces: DecisionTracer | None,
) -> None:
    """Show what went wrong without failing a decision, and outcomes that nobody could place."""
    contained = ledger.counter(
        "thinkgate_contained_failures", "Failures beside a decision that it went on without.", ("where",)
    )
    reported = ledger.counter("thinkgate_outcome_reports", "Outcomes acknowledged.", ("kind",))

    def probe() -> None:
        told = desk()
        contained.put(("decision",), stats().contained)
        contained.put(("outcome",), told.contained)
        if traces is not None:
            contained.put(("trace",), traces.dropped)
        reported.put(("new",), told.accepted - told.repeated)
        reported.put(("repeated",), told.repeated)
        reported.put(("unknown_decision",), told.unknown)

    ledger.probes.append(probe)


def collect_admission(ledger: MetricRegistry, stats: Callable[[], AdmissionStats]) -> None:
    """Show how often the fallback answered for want of time, and how many requests wait for their turn."""
    hurried = ledger.counter(
        "thinkgate_out_of_time", "Decisions that the model was too late for, or was not asked for.", ("why",)
    )
    waiting = ledger.gauge("thinkgate_waiting_requests", "HTTP requests that have arrived and not begun.")

    def probe() -> None:
        told = stats()
        hurried.put(("late",), told.late)
        hurried.put(("still_slow",), told.skipped)
        hurried.put(("overloaded",), told.shed)
        waiting.set(told.waiting)

    ledger.probes.append(probe)


def collect_exploration(ledger: MetricRegistry, stats: Callable[[], ExplorationStats]) -> None:
    """Show what exploring costs, and how often its budget of the hour was spent."""
    drawn = ledger.counter("thinkgate_exploration_draws", "Decisions that a draw took another arm for.")
    extra = ledger.counter("thinkgate_exploration_extra_usd", "Expected extra cost of those.")
    held = ledger.counter(
        "thinkgate_exploration_held_back", "Decisions without a draw, for the hour's budget was spent."
    )

    def probe() -> None:
        told = stats()
        drawn.put((), told.drawn)
        extra.put((), told.extra_usd)
        held.put((), told.held_back)

    ledger.probes.append(probe)


def collect_journal(ledger: MetricRegistry, stats: Callable[[], JournalStats]) -> None:
    """Show how far the journal is behind, and what it lost."""
    rows = ledger.counter("thinkgate_journal_rows", "Rows of the journal by what became of them.", ("fate",))
    queued = ledger.gauge("thinkgate_journal_queued", "Decisions that wait in memory.")
    spool = ledger.gauge("thinkgate_journal_spool_bytes", "Bytes that wait on disk for the database.")
    lag = ledger.gauge("thinkgate_journal_lag_seconds", "Age of the oldest decision that waits.", across="max")
    healthy = ledger.gauge("thinkgate_journal_healthy", "1 while the database takes rows.", across="min")

    def probe() -> None:
        told = stats()
        for fate, count in (
            ("decision_written", told.written_decisions),
            ("outcome_written", told.written_outcomes),
            ("spooled", told.spooled),
            ("decision_lost", told.lost_decisions),
            ("outcome_refused", told.refused_outcomes),
            ("rejected", told.rejected),
            ("forgotten", told.forgotten),
        ):
            rows.put((fate,), count)
        queued.set(told.queued)
        spool.set(told.spool_bytes)
        lag.set(told.lag_s)
        healthy.set(float(told.healthy))

    ledger.probes.append(probe)


def collect_auth(ledger: MetricRegistry, door: Authorizer) -> None:
    """Show whom the door turned away; keys by their id, which is no secret."""
    refused = ledger.counter("thinkgate_refused", "Calls turned away at the door.", ("why", "key"))

    def probe() -> None:
        for (why, key_id), count in door.refused.items():
            refused.put((why, key_id or "none"), count)

    ledger.probes.append(probe)


def _moment(facts: Mapping[str, object]) -> float | None:
    """Read a manifest's `created`.

    Examples
    --------
    >>> _moment({"created": "2026-01-01T00:00:00Z"}), _moment({})
    (1767225600.0, None)
    """
    created = facts.get("created")
    if not isinstance(created, str):
        return None
    try:
        return datetime.fromisoformat(created).timestamp()
    except ValueError:
        return None
