"""OpenTelemetry tracing of sampled decisions and their outcomes, exported by a thread of its own.

The hot path only parses `traceparent` and, for sampled decisions, appends to a queue.
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

from serving.decision import Decision, from_base32
from serving.journal import DecisionRow, OutcomeRow
from serving.telemetry.span_attributes import decision_attributes, outcome_attributes

logger = logging.getLogger("thinkgate.traces")

_PARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_MAX_QUEUED: Final = 4096
_MAX_PARENTED: Final = 10_000
_POLL_SECONDS: Final = 0.25
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


@dataclass(frozen=True, slots=True)
class _Event:
    """A span to be exported.

    Parameters
    ----------
    trace_id, span_id
        Ids of the span; a span_id of 0 draws a random one.
    parent_span_id
        0 at the root.
    start_ns, end_ns
        Since the epoch.
    error
        Failure mode; None for a success.
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
    """Traces decisions, and as an `OutcomeSink` the LLM calls that followed them.

    A trace without a parent takes the decision's id as its trace id: an outcome then finds its trace in any worker and
    at any later time, and the id itself tells whether the trace was sampled.

    Parameters
    ----------
    exporter
        Receives the spans; `OTLPSpanExporter` in the server.
    share
        Sampling rate of decisions without a parent, in [0, 1]; the others are sampled as their parent was.
    version
        Version of thinkgate.
    clock_ns
        Nanoseconds since the epoch.
    """

    def __init__(self, exporter: SpanExporter, share: float, version: str, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._sampling_bound = int(share * 2**64)
        self._ids = _PresetIds()
        resource = Resource.create({"service.name": "thinkgate", "service.version": version})
        self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("thinkgate", version)
        self._waiting: deque[_Event] = deque(maxlen=_MAX_QUEUED)
        self._parented: OrderedDict[str, int] = OrderedDict()
        self.dropped = 0
        """Spans dropped because the queue was full."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def decided(self, headers: Iterable[tuple[bytes, bytes]], decision: Decision) -> None:
        """Trace a decision.

        Parameters
        ----------
        headers
            Headers of the call, lower-case names; only `traceparent` is read.
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
            if trace_id & (2**64 - 1) >= self._sampling_bound:
                return
        now = self._clock_ns()
        self._enqueue(
            _Event(
                "thinkgate.decide",
                SpanKind.SERVER,
                trace_id,
                _span_id(decision.decision_id),
                parent,
                now - decision.elapsed_us * 1000,
                now,
                decision_attributes(decision),
            )
        )

    def reported(self, outcome: OutcomeRow, decision: DecisionRow | None) -> None:
        """Trace the LLM call of an outcome, as a child of its decision."""
        trace_id = self._parented.get(outcome.decision_id, 0)
        if not trace_id:
            try:
                trace_id = from_base32(outcome.decision_id)
            except ValueError:
                return
            if trace_id & (2**64 - 1) >= self._sampling_bound:
                return
        end = int(outcome.reported_at * 1e9)
        self._enqueue(
            _Event(
                f"chat {decision.model}" if decision is not None else "chat",
                SpanKind.CLIENT,
                trace_id,
                0,
                _span_id(outcome.decision_id),
                end - int((outcome.latency_ms or 0.0) * 1e6),
                end,
                outcome_attributes(outcome, decision),
                outcome.failure_mode if outcome.success is not None and outcome.success < 0.5 else None,
            )
        )

    def close(self) -> None:
        """Export the queued spans, and stop."""
        self._stopping.set()
        self._thread.join(5.0)
        self._provider.shutdown()

    def _enqueue(self, event: _Event) -> None:
        if len(self._waiting) >= _MAX_QUEUED:
            self.dropped += 1
            return
        self._waiting.append(event)

    def _remember(self, decision_id: str, trace_id: int) -> None:
        self._parented[decision_id] = trace_id
        if len(self._parented) > _MAX_PARENTED:
            self._parented.popitem(last=False)

    def _run(self) -> None:
        while True:
            stopping = self._stopping.wait(_POLL_SECONDS)
            try:
                while self._waiting:
                    self._export(self._waiting.popleft())
            except Exception as error:  # the thread must survive any fault
                logger.error("a span can't be exported: %s", type(error).__name__)
            if stopping and not self._waiting:
                return

    def _export(self, event: _Event) -> None:
        context = Context()
        if event.parent_span_id:
            parent = SpanContext(event.trace_id, event.parent_span_id, is_remote=True, trace_flags=_SAMPLED)
            context = set_span_in_context(NonRecordingSpan(parent), context)
        self._ids.preset(event.trace_id, event.span_id)
        span = self._tracer.start_span(
            event.name, context, event.kind, dict(event.attributes), start_time=event.start_ns
        )
        if event.error is not None:
            span.set_status(Status(StatusCode.ERROR, event.error))
        span.end(event.end_ns)


class _PresetIds(IdGenerator):
    """Generates predetermined ids; used by one thread."""

    def __init__(self) -> None:
        self._trace_id = self._span_id = 1
        self._rng = random.SystemRandom()

    def preset(self, trace_id: int, span_id: int) -> None:
        """Set the ids of the next span."""
        self._trace_id, self._span_id = trace_id, span_id or self._rng.getrandbits(63) + 1

    def generate_span_id(self) -> int:
        return self._span_id

    def generate_trace_id(self) -> int:
        return self._trace_id


def _span_id(decision_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(decision_id.encode(), digest_size=8).digest()) or 1
