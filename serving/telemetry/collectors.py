"""Metric collectors: copy the statistics of other components into the registry before each publication."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from serving.auth import Authorizer
from serving.control import StateSnapshot
from serving.journal import JournalStats
from serving.model import EngineSlot, ModelLifecycle
from serving.service import AdmissionStats, DecisionStats, ExplorationStats, OutcomeStats
from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.tracing import DecisionTracer

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_STATM: Final = Path("/proc/self/statm")
_PHASES: Final = {"serving": 0.0, "probing": 0.5, "shed": 1.0}


def collect_process(registry: MetricRegistry, version: str) -> None:
    """Collect version, memory and processor time of all workers, and their number."""
    registry.gauge("thinkgate_build_info", "Version of thinkgate.", ("version",), "max").set(1.0, (version,))
    registry.gauge("thinkgate_workers", "Processes that serve.").set(1.0)
    memory = registry.gauge("thinkgate_resident_memory_bytes", "Resident memory of all workers.")
    used = registry.counter("thinkgate_cpu_seconds", "Processor time of all workers.")

    def collect() -> None:
        stats_now = resource.getrusage(resource.RUSAGE_SELF)
        used.set_total((), stats_now.ru_utime + stats_now.ru_stime)
        if _STATM.exists():
            memory.set(int(_STATM.read_text().split()[1]) * _PAGE)

    registry.collectors.append(collect)


def collect_bundle(registry: MetricRegistry, slot: EngineSlot) -> None:
    """Collect the live bundle; two at once only while workers swap."""
    info = registry.gauge(
        "thinkgate_bundle_info", "The live bundle and policy.", ("bundle_id", "policy", "cold_start"), "max"
    )
    made = registry.gauge(
        "thinkgate_bundle_created_timestamp_seconds", "When the live bundle was trained.", aggregation="min"
    )

    def collect() -> None:
        live = slot.live
        info.replace({(live.bundle_id, live.policy, str(live.cold_start).lower()): 1.0})
        created = _created_at(live.facts)
        made.replace({} if created is None else {(): created})

    registry.collectors.append(collect)


def collect_replies(registry: MetricRegistry, replies: Mapping[str, int]) -> None:
    """Collect how many replies that passed Envoy told their token usage."""
    counter = registry.counter(
        "thinkgate_replies", "Replies read in Envoy, by whether they told their token usage.", ("usage",)
    )

    def collect() -> None:
        for usage in ("read", "missing", "malformed", "unreadable"):
            counter.set_total((usage,), replies.get(usage, 0))

    registry.collectors.append(collect)


def collect_model(registry: MetricRegistry, following: ModelLifecycle) -> None:
    """Collect reloads of model and policy, the model source's reachability, and the shadow's agreement."""
    changes = registry.counter(
        "thinkgate_live_changes", "Models and policies that went live, came back, or were refused.", ("what", "fate")
    )
    reachable = registry.gauge(
        "thinkgate_model_source_reachable", "1 while the model's source answers.", aggregation="min"
    )
    beside = registry.counter("thinkgate_shadow_decisions", "Decisions of the shadow bundle by fate.", ("fate",))

    def collect() -> None:
        kept = following.live_model.stats
        changes.set_total(("model", "live"), kept.swaps)
        changes.set_total(("model", "rolled_back"), kept.rollbacks)
        changes.set_total(("policy", "live"), kept.policy_swaps)
        changes.set_total(("policy", "refused"), kept.policies_refused)
        stats_now = [reloader.stats for reloader in following.reloaders]
        changes.set_total(("model", "refused"), sum(stats.refused for stats in stats_now))
        reachable.replace({(): float(all(stats.reachable for stats in stats_now))} if stats_now else {})
        if following.shadow is not None:
            shadow = following.shadow.stats
            for fate, count in (
                ("agreed", shadow.agreed),
                ("differed", shadow.decided - shadow.agreed),
                ("shed", shadow.shed),
                ("failed", shadow.failed),
            ):
                beside.set_total((fate,), count)

    registry.collectors.append(collect)


def collect_decision_service(
    registry: MetricRegistry,
    stats: Callable[[], DecisionStats],
    outcome_stats: Callable[[], OutcomeStats],
    traces: DecisionTracer | None,
) -> None:
    """Collect failures that no decision failed of, and acknowledged outcomes by kind."""
    contained = registry.counter(
        "thinkgate_contained_failures", "Failures beside a decision that it went on without.", ("where",)
    )
    reported = registry.counter("thinkgate_outcome_reports", "Outcomes acknowledged.", ("kind",))

    def collect() -> None:
        stats_now = outcome_stats()
        contained.set_total(("decision",), stats().contained)
        contained.set_total(("outcome",), stats_now.contained)
        if traces is not None:
            contained.set_total(("trace",), traces.dropped)
        reported.set_total(("new",), stats_now.accepted - stats_now.repeated)
        reported.set_total(("repeated",), stats_now.repeated)
        reported.set_total(("unknown_decision",), stats_now.unknown)

    registry.collectors.append(collect)


def collect_admission(registry: MetricRegistry, stats: Callable[[], AdmissionStats]) -> None:
    """Collect decisions that fell back for lack of time, and the number of waiting requests."""
    hurried = registry.counter(
        "thinkgate_out_of_time", "Decisions that the model was too late for, or was not asked for.", ("why",)
    )
    waiting = registry.gauge("thinkgate_waiting_requests", "HTTP requests that have arrived and not begun.")

    def collect() -> None:
        stats_now = stats()
        hurried.set_total(("late",), stats_now.late)
        hurried.set_total(("still_slow",), stats_now.skipped)
        hurried.set_total(("overloaded",), stats_now.shed)
        waiting.set(stats_now.waiting)

    registry.collectors.append(collect)


def collect_exploration(registry: MetricRegistry, stats: Callable[[], ExplorationStats]) -> None:
    """Collect the cost of exploration, and how often its hourly budget was spent."""
    drawn = registry.counter("thinkgate_exploration_draws", "Decisions that a draw took another arm for.")
    extra = registry.counter("thinkgate_exploration_extra_usd", "Expected extra cost of those.")
    held = registry.counter(
        "thinkgate_exploration_held_back", "Decisions without a draw, for the hour's budget was spent."
    )

    def collect() -> None:
        stats_now = stats()
        drawn.set_total((), stats_now.drawn)
        extra.set_total((), stats_now.extra_usd)
        held.set_total((), stats_now.held_back)

    registry.collectors.append(collect)


def collect_journal(registry: MetricRegistry, stats: Callable[[], JournalStats]) -> None:
    """Collect the journal's rows by fate, its backlog and its health."""
    rows = registry.counter("thinkgate_journal_rows", "Rows of the journal by what became of them.", ("fate",))
    queued = registry.gauge("thinkgate_journal_queued", "Decisions that wait in memory.")
    spool = registry.gauge("thinkgate_journal_spool_bytes", "Bytes that wait on disk for the database.")
    lag = registry.gauge("thinkgate_journal_lag_seconds", "Age of the oldest decision that waits.", aggregation="max")
    healthy = registry.gauge("thinkgate_journal_healthy", "1 while the database takes rows.", aggregation="min")

    def collect() -> None:
        stats_now = stats()
        for fate, count in (
            ("decision_written", stats_now.written_decisions),
            ("outcome_written", stats_now.written_outcomes),
            ("spooled", stats_now.spooled),
            ("decision_lost", stats_now.lost_decisions),
            ("outcome_refused", stats_now.refused_outcomes),
            ("rejected", stats_now.rejected),
            ("forgotten", stats_now.forgotten),
        ):
            rows.set_total((fate,), count)
        queued.set(stats_now.queued)
        spool.set(stats_now.spool_bytes)
        lag.set(stats_now.lag_s)
        healthy.set(float(stats_now.healthy))

    registry.collectors.append(collect)


def collect_control(registry: MetricRegistry, view: Callable[[], StateSnapshot]) -> None:
    """Collect spending and cost multiplier of each budget, and health and forecast corrections of each arm."""
    budget = registry.gauge("thinkgate_budget_usd", "Budget of a window.", ("purse", "window"), "max")
    spent = registry.gauge("thinkgate_budget_spent_usd", "Spent of a window's budget.", ("purse", "window"), "max")
    price = registry.gauge("thinkgate_cost_multiplier", "What cost counts beyond its face value.", ("purse",), "max")
    shed = registry.gauge("thinkgate_arm_shed", "1 while an arm is shed, 0.5 while it is probed.", ("arm",), "max")
    failing = registry.gauge("thinkgate_arm_failing_share", "Calls that time out or are late.", ("arm",), "max")
    tokens = registry.gauge("thinkgate_arm_tokens_factor", "Realised over forecast output tokens.", ("arm",), "max")
    hidden = registry.gauge("thinkgate_arm_hidden_factor", "Realised over forecast hidden tokens.", ("arm",), "max")
    latency = registry.gauge("thinkgate_arm_latency_factor", "Realised over forecast latency.", ("arm",), "max")
    bloat = registry.gauge("thinkgate_token_bloat", "1 while hidden tokens run above their forecast.", ("arm",), "max")
    # Not by task: callers name tasks, and label values never come from callers.
    shift = registry.gauge("thinkgate_success_shift", "Most that reports took from P(success).", ("arm",), "min")

    def collect() -> None:
        now = view()
        plans = [(name, plan) for name, pool in now.pools.items() for plan in pool.plans]
        budget.replace({(name, plan.window): plan.budget_usd for name, plan in plans})
        spent.replace({(name, plan.window): plan.spent_usd for name, plan in plans})
        price.replace({(name,): pool.multiplier for name, pool in now.pools.items()})
        arms = now.health.states
        shed.replace({(name,): _PHASES[arm.phase] for name, arm in arms.items()})
        failing.replace({(name,): arm.failing for name, arm in arms.items()})
        tokens.replace({(name,): arm.tokens_factor for name, arm in arms.items()})
        hidden.replace({(name,): arm.hidden_factor for name, arm in arms.items() if arm.hidden_factor is not None})
        latency.replace({(name,): arm.latency_factor for name, arm in arms.items()})
        bloat.replace({(name,): float(arm.bloated) for name, arm in arms.items()})
        shifts = [(name, by) for each in now.health.shifts.values() for name, by in each.items()]
        shift.replace({(name,): min(by for other, by in shifts if other == name) for name, _ in shifts})

    registry.collectors.append(collect)


def collect_auth(registry: MetricRegistry, authorizer: Authorizer) -> None:
    """Collect refused calls by key id, which is no secret."""
    refused = registry.counter("thinkgate_refused", "Calls refused for their API key, scope or rate.", ("why", "key"))

    def collect() -> None:
        for (why, key_id), count in authorizer.refused.items():
            refused.set_total((why, key_id or "none"), count)

    registry.collectors.append(collect)


def _created_at(facts: Mapping[str, object]) -> float | None:
    """Parse a manifest's `created` as epoch seconds.

    Examples
    --------
    >>> _created_at({"created": "2026-01-01T00:00:00Z"}), _created_at({})
    (1767225600.0, None)
    """
    created = facts.get("created")
    if not isinstance(created, str):
        return None
    try:
        return datetime.fromisoformat(created).timestamp()
    except ValueError:
        return None
