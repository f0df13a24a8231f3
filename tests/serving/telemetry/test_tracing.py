"""Traces: a decision joins its caller's trace, an outcome its decision's, and only the sampled ones cost anything."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from serving.decision.ids import IdSource, from_base32
from serving.decision.types import Decision, Message, Request
from serving.journal.rows import DecisionRow, OutcomeRow
from serving.telemetry.tracing import DecisionTracer
from tests.support.fakes import LengthDecider
from tests.support.journal_rows import decision as decision_row
from tests.support.otlp_collector import attributes, collecting

IDS = IdSource(lambda: 1_700_000_000.0, random.Random(7))
NOW_NS = 1_700_000_000_000_000_000
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
JOINED = ((b"host", b"x"), (b"traceparent", f"00-{TRACE}-{PARENT}-01".encode()))


def _decision(decision_id: str | None = None) -> Decision:
    made = LengthDecider().decide(Request((Message("user", "CANARY"),)))
    return replace(made, decision_id=decision_id or IDS(), elapsed_us=250)


def _spans(share: float, *calls: tuple[tuple[tuple[bytes, bytes], ...], Decision]) -> tuple[ReadableSpan, ...]:
    exporter = InMemorySpanExporter()
    traces = DecisionTracer(exporter, share, "0.1.0", lambda: NOW_NS)
    for headers, decision in calls:
        traces.decided(headers, decision)
    traces.close()
    return exporter.get_finished_spans()


def test_joins_the_callers_trace() -> None:
    decision = _decision()
    (span,) = _spans(0.0, (JOINED, decision))
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert (span.start_time, span.end_time) == (NOW_NS - 250_000, NOW_NS)
    assert span.attributes is not None
    assert span.attributes["gen_ai.request.model"] == decision.model
    assert span.attributes["thinkgate.arm"] == "direct"
    assert span.resource.attributes["service.name"] == "thinkgate"


@pytest.mark.parametrize(
    "value",
    [
        f"00-{TRACE}-{PARENT}-00",
        "junk",
        "",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        "\xff" * 500,
    ],
)
def test_what_is_not_sampled_or_no_context_leaves_none(value: str) -> None:
    assert _spans(0.0, (((b"traceparent", value.encode("latin-1")),), _decision())) == ()


def test_a_trace_of_its_own_is_named_after_the_decision() -> None:
    decision = _decision()
    (span,) = _spans(1.0, ((), decision))
    assert span.context is not None
    assert span.context.trace_id == from_base32(decision.decision_id)
    assert span.parent is None


def test_the_share_is_kept() -> None:
    rng = random.Random(11)
    ids = [IdSource(lambda: 1_700_000_000.0, random.Random(rng.random()))() for _ in range(1000)]
    spans = _spans(0.2, *(((), _decision(decision_id)) for decision_id in ids))
    assert 150 < len(spans) < 250


def _row(decision: Decision) -> DecisionRow:
    return decision_row(decision.decision_id, arm="direct", model="gpt-5.1")


def test_an_outcome_is_a_child_of_its_decision() -> None:
    exporter = InMemorySpanExporter()
    traces = DecisionTracer(exporter, 1.0, "0.1.0", lambda: NOW_NS)
    joined, own = _decision(), _decision()
    traces.decided(JOINED, joined)
    traces.decided((), own)
    for decision in (joined, own):
        outcome = OutcomeRow(
            decision.decision_id, 1_700_000_005.0, 0.0, 10, 2, 300, 200, 0.01, None, 4000.0, 1, "timeout", "CANARY"
        )
        traces.reported(outcome, _row(decision))
    traces.reported(OutcomeRow("CANARY", 1.0), None)
    traces.close()
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["thinkgate.decide"] * 2 + ["chat gpt-5.1"] * 2
    for decided, called in zip(spans[:2], spans[2:], strict=True):
        assert decided.context is not None
        assert called.context is not None
        assert called.parent is not None
        assert called.context.trace_id == decided.context.trace_id
        assert called.parent.span_id == decided.context.span_id
        assert called.start_time is not None
        assert called.end_time is not None
        assert called.end_time - called.start_time == 4_000_000_000
        assert called.attributes is not None
        assert called.attributes["gen_ai.usage.reasoning.output_tokens"] == 200
        assert called.attributes["error.type"] == "timeout"
        assert called.status.description == "timeout"
    assert all("CANARY" not in span.to_json() for span in spans)


def test_a_full_queue_drops_and_counts() -> None:
    traces = DecisionTracer(InMemorySpanExporter(), 1.0, "0.1.0", lambda: NOW_NS)
    traces.close()
    for _ in range(5000):
        traces.decided((), _decision())
    assert traces.dropped == 5000 - 4096


def test_sends_otlp_over_http() -> None:
    with collecting() as collector:
        traces = DecisionTracer(OTLPSpanExporter(f"{collector.url}/v1/traces"), 0.0, "0.1.0", lambda: NOW_NS)
        traces.decided(JOINED, _decision())
        traces.close()
        assert collector.paths == ["/v1/traces"]
        (span,) = collector.spans
        assert span.trace_id.hex() == TRACE
        assert span.parent_span_id.hex() == PARENT
        assert attributes(span)["thinkgate.bucket"] == "avoid"
