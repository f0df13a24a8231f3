"""What a worker runs on, and what all workers have in common: the shapes that the composition root hands around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from serving.auth.authorizer import Authorizer
from serving.auth.rate_limiter import RateLimiter
from serving.control.sessions import SessionTable
from serving.http_api.route import Route
from serving.journal import Journal
from serving.model.lifecycle import ModelLifecycle
from serving.model.rollback_notice import RollbackBoard
from serving.schemas.limits import RequestLimits
from serving.service.admission import QueueLoad
from serving.service.decision_service import DecisionService
from serving.service.outcome_service import OutcomeService
from serving.telemetry.decision_metrics import DecisionMetrics
from serving.telemetry.instruments import MetricRegistry
from serving.telemetry.shared_board import SharedBoard


@dataclass(frozen=True, slots=True)
class SharedState:
    """What all workers have in common; made before they are forked.

    Parameters
    ----------
    rates
        What each API key has used.
    sessions
        What conversations were served with.
    bulletin
        What an admin told one of them.
    grpc_address
        Where all of them serve gRPC; None where it is not wanted.
    board
        Where each pins what it counts; a place for each.
    """

    rates: RateLimiter = field(default_factory=RateLimiter)
    sessions: SessionTable = field(default_factory=SessionTable)
    bulletin: RollbackBoard = field(default_factory=RollbackBoard)
    grpc_address: str | None = None
    board: SharedBoard = field(default_factory=SharedBoard)


@dataclass(frozen=True, slots=True)
class WorkerComponents:
    """What a worker runs on; the seam where gRPC and metrics join.

    Parameters
    ----------
    authorizer
        Lets callers in.
    guard
        Every front end decides through it.
    desk
        Every front end hands outcomes in at it.
    routes
        Of HTTP, beside the decisions.
    journal
        None where the server keeps none.
    load
        Counts what waits in the event loop; `run` is told of it.
    following
        What is live, and what follows its sources.
    metrics
        Told where the time of decisions went.
    registry
        Counts everything else.
    each_second
        Watches the files of keys and policy and what admins say, and publishes the metrics.
    close
        Called once, after the last request.
    """

    authorizer: Authorizer
    guard: DecisionService
    limits: RequestLimits
    desk: OutcomeService
    routes: tuple[Route, ...]
    journal: Journal | None
    load: QueueLoad
    following: ModelLifecycle
    metrics: DecisionMetrics
    registry: MetricRegistry
    each_second: Callable[[], None]
    close: Callable[[], None]
