"""Turns sampled decisions and their outcomes into OpenTelemetry spans, in a thread of its own.

On the road of a decision there is one look at its `traceparent` and, for the sampled ones, one append to a queue.
"""

from __future__ import annotations

import hashlib
import logging
import random
import re
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from serving.decision.ids import from_base32
from serving.decision.types import Decision
from serving.journal.rows import DecisionRow, OutcomeRow
from serving.telemetry.span_attributes import decision_attributes, outcome_attributes

logger = logging.getLogger("thinkgate.traces")

_PARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_QUEUED: Final = 4096
_REMEMBERED: Final = 10_000
_LOOK_SECONDS: Final = 0.25
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


@dataclass(frozen=True, slots=True)
class _Event:
    """A span to be written.

    Parameters
    ----------
    trace_id, span_id
        Its own; span_id 0 draws one.
    parent_span_id
        0 at the root.
    start_ns, end_ns
        Since the epoch.
    error
        A failure mode; None where it went well.
    """

    name: str
    kind: SpanKind
    trace_id: int
    span_id: int
    parent_span_id: int
    start_ns: int
    end_ns: int
    attributes: Mapping[str, AttributeValue]
    error: str | None = None


class DecisionTracer:
    """Notes decisions, and as an `OutcomeSink` the calls that followed them.

    A trace without a parent takes the decision's id as its own id, so that an outcome finds its trace in any worker and
    at any later time, and whether it was sampled can be read off the id.

    Parameters
    ----------
    exporter
        Where spans go; `OTLPSpanExporter` in the server.
    share
        Of the decisions without a parent, in [0, 1]; those with one are sampled as their parent was.
    version
        Of thinkgate.
    clock_ns
        Nanoseconds since the epoch.
    """

    def __init__(self, exporter: SpanExporter, share: float, version: str, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._bound = int(share * 2**64)
        self._ids = _GivenIds()
        resource = Resource.create({"service.name": "thinkgate", "service.version": version})
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("thinkgate", version)
        self._waiting: deque[_Event] = deque(maxlen=_QUEUED)
        self._parented: OrderedDict[str, int] = OrderedDict()
        self.dropped = 0
        """Spans that found the queue full."""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def decided(self, headers: Iterable[tuple[bytes, bytes]], decision: Decision) -> None:
        """Note a decision.

        Parameters
        ----------
        headers
            Of the call, lower-case names: only `traceparent` is looked at.
        """
        trace_id = parent = 0
        for name, value in headers:
            if name == b"traceparent":
                found = _PARENT.fullmatch(value[:64])
                if found is not None:
                    if not int(found[3], 16) & 1:
                        return
                    trace_id, parent = int(found[1], 16), int(found[2], 16)
                break
        if trace_id and parent:
            self._remember(decision.decision_id, trace_id)
        else:
            parent, trace_id = 0, from_base32(decision.decision_id)
            if trace_id & (2**64 - 1) >= self._bound:
                return
        now = self._clock_ns()
        self._put(
            _Event(
                "thinkgate.decide",
                SpanKind.SERVER,
                trace_id,
                _span_of(decision.decision_id),
                parent,
                now - decision.elapsed_us * 1000,
                now,
                decision_attributes(decision),
            )
        )

    def reported(self, outcome: OutcomeRow, decision: DecisionRow | None) -> None:
        """Note the call that an outcome speaks of, as a child of its decision."""
        trace_id = self._parented.get(outcome.decision_id, 0)
        if not trace_id:
            try:
                trace_id = from_base32(outcome.decision_id)
            except ValueError:
                return
            if trace_id & (2**64 - 1) >= self._bound:
                return
        end = int(outcome.reported_at * 1e9)
        self._put(
            _Event(
                f"chat {decision.model}" if decision is not None else "chat",
                SpanKind.CLIENT,
                trace_id,
                0,
                _span_of(outcome.decision_id),
                end - int((outcome.latency_ms or 0.0) * 1e6),
                end,
                outcome_attributes(outcome, decision),
                outcome.failure_mode if outcome.success is not None and outcome.success < 0.5 else None,
            )
        )

    def close(self) -> None:
        """Write what waits, and end."""
        self._ending.set()
        self._thread.join(5.0)
        self._provider.shutdown()

    def _put(self, event: _Event) -> None:
        if len(self._waiting) >= _QUEUED:
            self.dropped += 1
            return
        self._waiting.append(event)

    def _remember(self, decision_id: str, trace_id: int) -> None:
        self._parented[decision_id] = trace_id
        if len(self._parented) > _REMEMBERED:
            self._parented.popitem(last=False)

    def _run(self) -> None:
        while True:
            ending = self._ending.wait(_LOOK_SECONDS)
            try:
                while self._waiting:
                    self._write(self._waiting.popleft())
            except Exception as error:  # the thread must outlive any surprise
                logger.error("a span can't be written: %s", type(error).__name__)
            if ending and not self._waiting:
                return

    def _write(self, event: _Event) -> None:
        context = Context()
        if event.parent_span_id:
            parent = SpanContext(event.trace_id, event.parent_span_id, is_remote=True, trace_flags=_SAMPLED)
            context = set_span_in_context(NonRecordingSpan(parent), context)
        self._ids.give(event.trace_id, event.span_id)
        span = self._tracer.start_span(
            event.name, context, event.kind, dict(event.attributes), start_time=event.start_ns
        )
        if event.error is not None:
            span.set_status(Status(StatusCode.ERROR, event.error))
        span.end(event.end_ns)


class _GivenIds(IdGenerator):
    """Hands out the ids that the next span shall have; used by one thread."""

    def __init__(self) -> None:
        self._trace_id = self._span_id = 1
        self._rng = random.SystemRandom()

    def give(self, trace_id: int, span_id: int) -> None:
        """Say which the next ones are."""
        self._trace_id, self._span_id = trace_id, span_id or self._rng.getrandbits(63) + 1

    def generate_span_id(self) -> int:
        return self._span_id

    def generate_trace_id(self) -> int:
        return self._trace_id


def _span_of(decision_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(decision_id.encode(), digest_size=8).digest()) or 1
