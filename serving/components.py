"""Data classes of the composition root: the state that all workers share, and the components of one worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from serving.auth import Authorizer, RateLimiter
from serving.control import SessionTable
from serving.http_api import Route
from serving.journal import Journal
from serving.model import ModelLifecycle, RollbackBoard
from serving.schemas import RequestLimits
from serving.service import DecisionService, OutcomeService, QueueLoad
from serving.telemetry import DecisionMetrics, MetricRegistry, SharedBoard


@dataclass(frozen=True, slots=True)
class SharedState:
    """State in shared memory, created before the workers are forked.

    Parameters
    ----------
    rates
        Use of each API key.
    sessions
        Arms that conversations were served with.
    rollback_board
        Rollbacks that an admin asked of one worker.
    grpc_address
        Where all workers serve gRPC; None where it is off.
    board
        Metrics, with a place for each worker.
    """

    rates: RateLimiter = field(default_factory=RateLimiter)
    sessions: SessionTable = field(default_factory=SessionTable)
    rollback_board: RollbackBoard = field(default_factory=RollbackBoard)
    grpc_address: str | None = None
    board: SharedBoard = field(default_factory=SharedBoard)


@dataclass(frozen=True, slots=True)
class WorkerComponents:
    """What one worker serves with, for HTTP and gRPC alike.

    Parameters
    ----------
    authorizer
        Checks API keys, scopes and rates.
    decision_service
        Makes the decisions.
    limits
        Enforced on every call.
    outcome_service
        Takes outcomes.
    routes
        HTTP routes beside decisions and rewrite.
    journal
        None where the server keeps none.
    load
        Counts requests that wait in the event loop.
    lifecycle
        What is live, and what watches the model's sources.
    metrics
        Metrics of decisions and outcomes.
    registry
        Holds all metrics.
    each_second
        Rereads the files of keys and policy, takes over rollbacks of other workers, publishes the metrics.
    close
        Called once, after the last request.
    """

    authorizer: Authorizer
    decision_service: DecisionService
    limits: RequestLimits
    outcome_service: OutcomeService
    routes: tuple[Route, ...]
    journal: Journal | None
    load: QueueLoad
    lifecycle: ModelLifecycle
    metrics: DecisionMetrics
    registry: MetricRegistry
    each_second: Callable[[], None]
    close: Callable[[], None]
