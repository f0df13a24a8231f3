"""Puts the parts of one worker together: the half of the composition root that knows what is plugged in where.

`build_worker` is long because it is that list, in the order in which parts need each other.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

from serving.auth.authorizer import Authorizer
from serving.auth.key_file import KeyFile
from serving.components import SharedState, WorkerComponents
from serving.control.controller import Controller
from serving.control.spend_ledger import MemorySpendLedger, SqlSpendLedger
from serving.decision.ids import IdSource
from serving.decision.policy.bound_policy import BoundPolicy
from serving.decision.policy.policy_file import PolicySource
from serving.http_api.explanations import ExplanationRoutes
from serving.http_api.metrics_middleware import metrics_route
from serving.http_api.outcomes import OutcomeRoutes
from serving.http_api.rollback import RollbackRoutes
from serving.http_api.route import Route
from serving.journal.factory import ALONE, JournalSink, WorkerSlot, open_journal
from serving.journal.factory import NONE as NO_JOURNAL
from serving.journal.settings import JournalSettings
from serving.model.canary import Canary
from serving.model.lifecycle import ModelLocations, SideModels, follow_sources, open_model
from serving.model.live_model import LiveModel
from serving.model.prepared_model import warm_up
from serving.model.shadow import Shadow
from serving.model.slot import EngineSlot
from serving.schemas.limits import BodyLimits, RequestLimits
from serving.service.admission import AdmissionControl, QueueLoad
from serving.service.decision_service import DecisionService
from serving.service.exploration_cap import ExplorationCap
from serving.service.outcome_service import OutcomeService, RecentDecisions
from serving.service.policy_snapshots import PolicySnapshots
from serving.service.ports import DecisionSink, OutcomeSink, RuntimeStateSource
from serving.settings import Settings
from serving.telemetry.collectors import (
    collect_admission,
    collect_auth,
    collect_bundle,
    collect_control,
    collect_decision_service,
    collect_exploration,
    collect_journal,
    collect_model,
    collect_process,
)
from serving.telemetry.decision_metrics import DecisionMetrics
from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.prometheus import PrometheusExposition
from serving.telemetry.tracing import DecisionTracer


def build_worker(settings: Settings, shared: SharedState, seat: WorkerSlot = ALONE) -> WorkerComponents:
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
    places = ModelLocations(settings.registry, settings.model_cache, settings.arms, settings.reload_seconds)
    opened = open_model(places, settings.model or settings.bundle)
    source = None if settings.policy is None else PolicySource(settings.policy, opened.ground.arms)
    keeper = LiveModel(opened.ground, source)
    limits = RequestLimits(
        BodyLimits(settings.max_body_bytes, settings.body_seconds), settings.max_messages, settings.max_batch
    )
    kept = JournalSettings(retention_days=settings.retention_days)
    journal = open_journal(settings.journal, settings.spool, kept, seat)

    # Plug in here: sources of runtime state, who is told of decisions, who is told of outcomes, further routes.
    sources: list[RuntimeStateSource] = []
    decision_sinks: list[DecisionSink] = []
    outcome_sinks: list[OutcomeSink] = []
    routes: list[Route] = []

    registry = MetricRegistry()
    metrics = DecisionMetrics(registry, lambda: [arm.name for arm in keeper.slot.live.arms])
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
        decision_sinks.append(JournalSink(journal, settings.store_prompts))
    terms = None if journal is None else PolicySnapshots(keeper.slot, journal.store)
    if terms is not None:
        decision_sinks.append(terms)
    canary = None if settings.canary is None else Canary(settings.canary_share, lambda: keeper.policy)
    # Seeded by the system, in each worker anew: names need no system call per decision.
    ids = IdSource(time.time, random.Random())  # noqa: S311
    load = QueueLoad()
    patience = AdmissionControl(settings.decision_deadline_ms, settings.max_waiting, load)
    guard = DecisionService(
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
    desk = OutcomeService(journal, recent, journal.store.decisions if journal else lambda _ids: (), outcome_sinks)
    routes += OutcomeRoutes(desk, journal, limits).routes
    routes.append(ExplanationRoutes(None if journal is None else journal.store, terms).route)
    warm_up(keeper.slot.live)
    steering.start()
    following = follow_sources(
        places, opened, keeper, shared.bulletin, SideModels(shadow, settings.shadow, canary, settings.canary)
    )
    routes += RollbackRoutes(following).routes
    authorizer = Authorizer(None if settings.keys is None else KeyFile(settings.keys), shared.rates)
    exposition = PrometheusExposition(registry, shared.board, seat.number)
    routes.append(metrics_route(exposition))
    collect_process(registry, version("thinkgate"))
    collect_bundle(registry, keeper.slot)
    collect_decision_service(registry, lambda: guard.stats, lambda: desk.stats, traces)
    collect_admission(registry, lambda: patience.stats)
    collect_exploration(registry, lambda: exploring.stats)
    collect_auth(registry, authorizer)
    collect_model(registry, following)
    collect_control(registry, lambda: steering.view)
    if journal is not None:
        collect_journal(registry, journal.stats)
    return WorkerComponents(
        authorizer=authorizer,
        guard=guard,
        limits=limits,
        desk=desk,
        routes=tuple(routes),
        journal=journal,
        load=load,
        following=following,
        metrics=metrics,
        registry=registry,
        each_second=_each([authorizer.refresh, following.look, exposition.publish]),
        close=_each([part.close for part in (following, steering, journal, traces) if part is not None]),
    )


def _traces(settings: Settings) -> DecisionTracer | None:
    if settings.otlp_endpoint is None:
        return None
    # Loaded only where it is wanted: it brings an HTTP client.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(f"{settings.otlp_endpoint.rstrip('/')}/v1/traces", timeout=5)
    return DecisionTracer(exporter, settings.trace_share, version("thinkgate"), time.time_ns)


def _each(calls: Sequence[Callable[[], object]]) -> Callable[[], None]:
    def call_all() -> None:
        for call in calls:
            call()

    return call_all


def _steering(settings: Settings, slot: EngineSlot, shared: SharedState) -> Controller:
    """Budgets live in the journal's database; where there is none, they end with the process."""

    def bound_policy() -> BoundPolicy:
        live = slot.live.bound_policy
        assert live is not None, "what `Ground` lays is bound"
        return live

    ledger = MemorySpendLedger() if settings.journal == NO_JOURNAL else SqlSpendLedger(settings.journal)
    rng = random.Random()  # noqa: S311
    return Controller(bound_policy, ledger, shared.sessions, time.time, rng, lambda: slot.live.hidden_share)
