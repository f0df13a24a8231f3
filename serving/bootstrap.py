"""The composition root of one worker: creates every component from the settings and connects them."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

from serving.auth import Authorizer, KeyFile
from serving.components import SharedState, WorkerComponents
from serving.control import ROOT_BYTES, Controller, MemorySpendLedger, SessionIdentifier, SqlSpendLedger
from serving.decision import IdSource
from serving.decision.policy import BoundPolicy, PolicySource
from serving.decision.providers import use_capabilities
from serving.http_api import ExplanationRoutes, OutcomeRoutes, Route, metrics_route, rollback_route
from serving.journal import ALONE, DecisionRow, JournalSettings, JournalSink, WorkerSlot, open_journal
from serving.journal import NONE as NO_JOURNAL
from serving.model import (
    Canary,
    EngineSlot,
    LiveModel,
    ModelLocations,
    Shadow,
    SideModels,
    follow_sources,
    open_model,
    warm_up,
)
from serving.schemas import BodyLimits, RequestLimits
from serving.service import (
    AdmissionControl,
    DecisionService,
    DecisionSink,
    ExplorationCap,
    OutcomeService,
    OutcomeSink,
    PolicySnapshots,
    QueueLoad,
    RecentDecisions,
    RuntimeStateSource,
)
from serving.settings import Settings
from serving.telemetry import (
    DecisionMetrics,
    DecisionTracer,
    MetricRegistry,
    PrometheusExposition,
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


def build_worker(settings: Settings, shared: SharedState, slot: WorkerSlot = ALONE) -> WorkerComponents:
    """Create and connect the components of one worker; its model has decided once when this returns.

    Longer than other functions: it is the list of what is plugged in where, in the order in which components need each
    other.

    Parameters
    ----------
    slot
        Which of the workers this is.

    Raises
    ------
    ThinkgateError
        Something named in the settings can't be used.
    """
    use_capabilities(settings.capabilities)
    locations = ModelLocations(
        settings.registry,
        settings.model_cache,
        settings.arms,
        settings.reload_seconds,
        settings.insecure_registry,
        settings.allow_same,
    )
    opened = open_model(locations, settings.model or settings.bundle)
    policy_source = None if settings.policy is None else PolicySource(settings.policy, opened.ground.arms)
    live_model = LiveModel(opened.ground, policy_source)
    engine_slot = live_model.slot
    limits = _request_limits(settings)
    authorizer = Authorizer(None if settings.keys is None else KeyFile(settings.keys), shared.rates)
    journal_settings = JournalSettings(retention_days=settings.retention_days)
    journal = open_journal(settings.journal, settings.spool, journal_settings, slot)
    registry = MetricRegistry()
    metrics = DecisionMetrics(registry, lambda: [arm.name for arm in engine_slot.live.arms])
    tracer = _build_tracer(settings)
    exploration_cap = ExplorationCap(engine_slot, time.time, slot.of)
    controller = _build_controller(settings, engine_slot, shared)
    recent_decisions = RecentDecisions()

    # Plug in here: sources of runtime state, sinks of decisions and of outcomes; further routes below.
    sources: list[RuntimeStateSource] = [exploration_cap, controller]
    decision_sinks: list[DecisionSink] = [metrics, exploration_cap, controller, recent_decisions]
    outcome_sinks: list[OutcomeSink] = [metrics, *([] if tracer is None else [tracer]), controller]
    shadow = snapshots = None
    if journal is not None:
        if settings.shadow is not None:
            shadow = Shadow(journal, settings.store_prompts, lambda: live_model.policy)
        snapshots = PolicySnapshots(engine_slot, journal.store)
        decision_sinks += [shadow or JournalSink(journal, settings.store_prompts), snapshots]

    canary = None if settings.canary is None else Canary(settings.canary_share, lambda: live_model.policy)
    load = QueueLoad()
    admission = AdmissionControl(settings.decision_deadline_ms, settings.max_waiting, load)
    decision_service = DecisionService(
        engine_slot,
        settings.fallback,
        time.perf_counter_ns,
        IdSource(time.time, random.Random()),  # noqa: S311  (seeded by the system, in each worker anew)
        sources,
        decision_sinks,
        tracer,
        admission,
        None if canary is None else canary.pick,
        SessionIdentifier(shared.sessions, lambda: os.urandom(ROOT_BYTES)),
        metrics.passed_over,
    )
    find_decisions = journal.store.decisions if journal is not None else _find_nothing
    outcome_service = OutcomeService(journal, recent_decisions, find_decisions, outcome_sinks)
    warm_up(engine_slot.live)
    controller.start()
    side_models = SideModels(shadow, settings.shadow, canary, settings.canary)
    lifecycle = follow_sources(locations, opened, live_model, shared.rollback_board, side_models)
    exposition = PrometheusExposition(registry, shared.board, slot.number)
    routes: tuple[Route, ...] = (
        *OutcomeRoutes(outcome_service, journal, limits).routes,
        ExplanationRoutes(None if journal is None else journal.store, snapshots).route,
        rollback_route(lifecycle),
        metrics_route(exposition),
    )
    collect_process(registry, version("thinkgate"))
    collect_bundle(registry, engine_slot)
    collect_decision_service(registry, lambda: decision_service.stats, lambda: outcome_service.stats, tracer)
    collect_admission(registry, lambda: admission.stats)
    collect_exploration(registry, lambda: exploration_cap.stats)
    collect_auth(registry, authorizer)
    collect_model(registry, lifecycle)
    collect_control(registry, lambda: controller.view)
    if journal is not None:
        collect_journal(registry, journal.stats)
    return WorkerComponents(
        authorizer=authorizer,
        decision_service=decision_service,
        limits=limits,
        outcome_service=outcome_service,
        routes=routes,
        journal=journal,
        load=load,
        lifecycle=lifecycle,
        metrics=metrics,
        registry=registry,
        each_second=_call_each([authorizer.refresh, lifecycle.look, exposition.publish]),
        close=_call_each([part.close for part in (lifecycle, controller, journal, tracer) if part is not None]),
    )


def _request_limits(settings: Settings) -> RequestLimits:
    body = BodyLimits(settings.max_body_bytes, settings.body_seconds)
    return RequestLimits(body, settings.max_messages, settings.max_batch)


def _build_tracer(settings: Settings) -> DecisionTracer | None:
    if settings.otlp_endpoint is None:
        return None
    # Imported only where it is used: it loads an HTTP client.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(f"{settings.otlp_endpoint.rstrip('/')}/v1/traces", timeout=5)
    return DecisionTracer(exporter, settings.trace_share, version("thinkgate"), time.time_ns)


def _build_controller(settings: Settings, engine_slot: EngineSlot, shared: SharedState) -> Controller:
    """Create the controller; budgets are kept in the journal's database, or in memory where there is none."""

    def bound_policy() -> BoundPolicy:
        policy = engine_slot.live.bound_policy
        assert policy is not None, "a prepared model binds its policy"
        return policy

    ledger = MemorySpendLedger() if settings.journal == NO_JOURNAL else SqlSpendLedger(settings.journal)
    rng = random.Random()  # noqa: S311
    return Controller(bound_policy, ledger, shared.sessions, time.time, rng, lambda: engine_slot.live.hidden_share)


def _find_nothing(_decision_ids: Sequence[str]) -> Sequence[DecisionRow]:
    return ()


def _call_each(calls: Sequence[Callable[[], object]]) -> Callable[[], None]:
    def call_all() -> None:
        for call in calls:
            call()

    return call_all
