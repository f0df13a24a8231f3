"""Puts the parts of one worker together: the half of the composition root that knows what is plugged in where.

`assemble` is long because it is that list, in the order in which parts need each other.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

from serving.auth.authorizer import Door
from serving.auth.key_file import KeySource
from serving.components import Parts, Shared
from serving.control.controller import Steering
from serving.control.spend_ledger import MemoryLedger, SqlLedger
from serving.decision.ids import Ids
from serving.decision.policy.bound_policy import Roster
from serving.decision.policy.policy_file import PolicySource
from serving.http_api.asgi import BodyLimits
from serving.http_api.decisions import Limits
from serving.http_api.explanations import ExplainRoute
from serving.http_api.metrics_middleware import metrics_route
from serving.http_api.outcomes import JournalRoutes
from serving.http_api.rollback import ModelRoutes
from serving.http_api.route import Route
from serving.journal.factory import ALONE, Seat, open_journal
from serving.journal.factory import NONE as NO_JOURNAL
from serving.journal.recorder import Recorder
from serving.journal.settings import JournalSettings
from serving.model.canary import Canary
from serving.model.lifecycle import Beside, Places, follow, open_model
from serving.model.live_model import Keeper
from serving.model.prepared_model import warm_up
from serving.model.shadow import Shadow
from serving.model.slot import Slot
from serving.service.admission import Load, Patience
from serving.service.decision_service import Guard
from serving.service.exploration_cap import ExplorationCap
from serving.service.outcome_service import OutcomeDesk, RecentDecisions
from serving.service.policy_snapshots import TermsKeeper
from serving.service.ports import DecisionSink, OutcomeSink, SituationSource
from serving.settings import Settings
from serving.telemetry.collectors import (
    watch_bundle,
    watch_door,
    watch_exploration,
    watch_guard,
    watch_journal,
    watch_model,
    watch_patience,
    watch_process,
)
from serving.telemetry.decision_metrics import DecisionMetrics
from serving.telemetry.instruments import Ledger
from serving.telemetry.prometheus import Exposition
from serving.telemetry.steering_watch import watch_steering
from serving.telemetry.tracing import Traces


def assemble(settings: Settings, shared: Shared, seat: Seat = ALONE) -> Parts:
    """Put the parts of one worker together, proven and warm.

    Parameters
    ----------
    seat
        Which of the workers this is.

    Raises
    ------
    ThinkgateError
        Something named in the settings can't be used.
    """
    places = Places(settings.registry, settings.model_cache, settings.arms, settings.reload_seconds)
    opened = open_model(places, settings.model or settings.bundle)
    source = None if settings.policy is None else PolicySource(settings.policy, opened.ground.arms)
    keeper = Keeper(opened.ground, source)
    limits = Limits(
        BodyLimits(settings.max_body_bytes, settings.body_seconds), settings.max_messages, settings.max_batch
    )
    kept = JournalSettings(retention_days=settings.retention_days)
    journal = open_journal(settings.journal, settings.spool, kept, seat)

    # Plug in here: who knows the situation, who is told of decisions, who is told of outcomes, further routes.
    sources: list[SituationSource] = []
    decision_sinks: list[DecisionSink] = []
    outcome_sinks: list[OutcomeSink] = []
    routes: list[Route] = []

    ledger = Ledger()
    metrics = DecisionMetrics(ledger, lambda: [arm.name for arm in keeper.slot.live.arms])
    decision_sinks.append(metrics)
    outcome_sinks.append(metrics)
    traces = _traces(settings)
    if traces is not None:
        outcome_sinks.append(traces)

    exploring = ExplorationCap(keeper.slot, time.time, seat.of)
    sources.append(exploring)
    decision_sinks.append(exploring)
    steering = _steering(settings, keeper.slot, shared)
    sources.append(steering)
    decision_sinks.append(steering)
    outcome_sinks.append(steering)
    recent = RecentDecisions()
    if outcome_sinks:
        decision_sinks.append(recent)
    shadow = None
    if journal is not None and settings.shadow is not None:
        shadow = Shadow(journal, settings.store_prompts, lambda: keeper.policy)
        decision_sinks.append(shadow)
    elif journal is not None:
        decision_sinks.append(Recorder(journal, settings.store_prompts))
    terms = None if journal is None else TermsKeeper(keeper.slot, journal.store)
    if terms is not None:
        decision_sinks.append(terms)
    canary = None if settings.canary is None else Canary(settings.canary_share, lambda: keeper.policy)
    # Seeded by the system, in each worker anew: names need no system call per decision.
    ids = Ids(time.time, random.Random())  # noqa: S311
    load = Load()
    patience = Patience(settings.decision_deadline_ms, settings.max_waiting, load)
    guard = Guard(
        keeper.slot,
        settings.fallback,
        time.perf_counter_ns,
        ids,
        sources,
        decision_sinks,
        traces,
        patience,
        None if canary is None else canary.pick,
    )
    desk = OutcomeDesk(journal, recent, journal.store.decisions if journal else lambda _ids: (), outcome_sinks)
    routes += JournalRoutes(desk, journal, limits).routes
    routes.append(ExplainRoute(None if journal is None else journal.store, terms).route)
    warm_up(keeper.slot.live)
    steering.start()
    following = follow(
        places, opened, keeper, shared.bulletin, Beside(shadow, settings.shadow, canary, settings.canary)
    )
    routes += ModelRoutes(following).routes
    door = Door(None if settings.keys is None else KeySource(settings.keys), shared.rates)
    exposition = Exposition(ledger, shared.board, seat.number)
    routes.append(metrics_route(exposition))
    watch_process(ledger, version("thinkgate"))
    watch_bundle(ledger, keeper.slot)
    watch_guard(ledger, lambda: guard.stats, lambda: desk.stats, traces)
    watch_patience(ledger, lambda: patience.stats)
    watch_exploration(ledger, lambda: exploring.stats)
    watch_door(ledger, door)
    watch_model(ledger, following)
    watch_steering(ledger, lambda: steering.view)
    if journal is not None:
        watch_journal(ledger, journal.stats)
    return Parts(
        door=door,
        guard=guard,
        limits=limits,
        desk=desk,
        routes=tuple(routes),
        journal=journal,
        load=load,
        following=following,
        metrics=metrics,
        ledger=ledger,
        each_second=_each([door.look, following.look, exposition.publish]),
        close=_each([part.close for part in (following, steering, journal, traces) if part is not None]),
    )


def _traces(settings: Settings) -> Traces | None:
    if settings.otlp_endpoint is None:
        return None
    # Loaded only where it is wanted: it brings an HTTP client.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(f"{settings.otlp_endpoint.rstrip('/')}/v1/traces", timeout=5)
    return Traces(exporter, settings.trace_share, version("thinkgate"), time.time_ns)


def _each(calls: Sequence[Callable[[], object]]) -> Callable[[], None]:
    def call_all() -> None:
        for call in calls:
            call()

    return call_all


def _steering(settings: Settings, slot: Slot, shared: Shared) -> Steering:
    """Budgets live in the journal's database; where there is none, they end with the process."""

    def bound() -> Roster:
        live = slot.live.bound
        assert live is not None, "what `Ground` lays is bound"
        return live

    ledger = MemoryLedger() if settings.journal == NO_JOURNAL else SqlLedger(settings.journal)
    rng = random.Random()  # noqa: S311
    return Steering(bound, ledger, shared.sessions, time.time, rng, lambda: slot.live.hidden_share)
