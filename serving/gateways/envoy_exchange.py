"""One HTTP exchange as Envoy shows it: the request is decided on and rewritten, the reply is read as it streams by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from serving.decision.errors import BadRequest
from serving.decision.providers.endpoints import Endpoint, endpoint_of
from serving.decision.providers.gateway_headers import read_gateway_hints
from serving.decision.providers.reply_usage import READABLE_ENCODINGS, ReplyReader
from serving.decision.providers.request_body import parse_body
from serving.decision.providers.rewrite import apply_decision, same_model
from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.decision.types import Decision
from serving.journal.rows import OutcomeRow
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.schemas.lossless_json import read_lossless, write_lossless
from serving.schemas.problems import DENIED, MEDIA_TYPE, Problem, Rejected
from serving.schemas.rewrite_headers import decision_headers
from serving.service.decision_service import DecisionService

Answer = pb.ProcessingResponse
Headers = Mapping[bytes, bytes]

_OVERWRITE: Final = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
_OURS: Final = tuple(
    f"x-thinkgate-{name}"
    for name in (
        "decision-id",
        "arm",
        "effort",
        "applied",
        "bucket",
        "model",
        "propensity",
        "fallback",
        "max-reasoning-tokens",
        "max-retries",
        "max-total-ms",
        "dialect",
        "policy",
        "note",
    )
)
"""What only thinkgate may say to the upstream."""
_FOR_CLIENT: Final = frozenset(
    {b"x-thinkgate-" + name for name in (b"decision-id", b"arm", b"effort", b"applied", b"bucket", b"fallback")}
)
_TIMEOUTS: Final = frozenset({b"408", b"504"})


@dataclass(frozen=True, slots=True)
class ExchangeServices:
    """What an exchange works with.

    Parameters
    ----------
    clock
        Monotonic seconds.
    epoch
        Seconds since the epoch.
    max_body_bytes
        Larger bodies are not asked for.
    """

    guard: DecisionService
    clock: Callable[[], float]
    epoch: Callable[[], float]
    max_body_bytes: int


@dataclass(slots=True)
class _Served:
    """What a request was served with."""

    decision: Decision
    started: float
    echoed: list[tuple[bytes, bytes]] = field(default_factory=list)


class Exchange:
    """Answers Envoy's messages of one stream, in their order; `outcome` is there when the reply was read.

    Whatever can't be read is passed on as it came. Only a request for which the policy's own rules leave no arm is
    answered in the upstream's place, with 403.

    Parameters
    ----------
    reports
        Somebody takes outcomes; where nobody does, replies pass unread.
    """

    def __init__(self, tools: ExchangeServices, *, reports: bool = True) -> None:
        self._tools = tools
        self._reports = reports
        self._headers: Headers = {}
        self._endpoint: Endpoint | None = None
        self._served: _Served | None = None
        self._reader: ReplyReader | None = None
        self._timed_out = False
        self._complete = False

    def request_headers(self, message: pb.HttpHeaders) -> Answer:
        """Look at path and headers; ask for the body of a model call only."""
        self._headers = _headers(message.headers)
        path = self._headers.get(b":path", b"").decode("latin-1")
        if self._headers.get(b":method") == b"POST" and not message.end_of_stream:
            self._endpoint = endpoint_of(path)
        forged = [name for name in _OURS if name.encode() in self._headers]
        answer = Answer(request_headers=pb.HeadersResponse())
        if forged:
            # A route may have been chosen by them already.
            answer.request_headers.response.header_mutation.remove_headers.extend(forged)
            answer.request_headers.response.clear_route_cache = True
        answer.mode_override.request_header_mode = pb.ProcessingMode.SEND
        answer.mode_override.response_header_mode = pb.ProcessingMode.SKIP
        if self._endpoint is not None:
            answer.mode_override.response_header_mode = pb.ProcessingMode.SEND
            answer.mode_override.request_body_mode = self._body_mode()
        return answer

    def request_body(self, message: pb.HttpBody) -> Answer:
        """Decide, and rewrite the body; pass it on as it came where it can't be read or came in part only."""
        untouched = Answer(request_body=pb.BodyResponse())
        if self._endpoint is None or not message.end_of_stream or not _is_json(self._headers):
            return untouched
        started = self._tools.clock()
        try:
            return self._decide(self._endpoint, message.body, started)
        except (Rejected, BadRequest):
            return untouched
        except EveryArmDenied as error:
            return _refuse(Problem(DENIED, str(error)))

    def response_headers(self, message: pb.HttpHeaders) -> Answer:
        """Tell the client what was decided, and ask to see the reply's body as it passes."""
        answer = Answer(response_headers=pb.HeadersResponse())
        if self._served is None or self._endpoint is None:
            return answer
        headers = _headers(message.headers)
        status = headers.get(b":status", b"")
        _set(answer.response_headers.response.header_mutation, self._served.echoed)
        self._timed_out = status in _TIMEOUTS
        if self._reports and status.startswith(b"2") and not message.end_of_stream:
            kind, encoding = headers.get(b"content-type", b""), headers.get(b"content-encoding", b"")
            self._reader = ReplyReader(self._endpoint.api, kind.decode("latin-1"), encoding.decode("latin-1"))
            answer.mode_override.response_body_mode = pb.ProcessingMode.STREAMED
            answer.mode_override.response_header_mode = pb.ProcessingMode.SEND
        return answer

    def response_body(self, message: pb.HttpBody) -> Answer:
        """Read a part of the reply and let it go on at once."""
        if self._reader is not None:
            self._reader.feed(message.body)
        self._complete = self._complete or message.end_of_stream
        return Answer(response_body=pb.BodyResponse())

    def outcome(self) -> OutcomeRow | None:
        """Give what became of the call, once; None where nothing is known. Success is for others to judge."""
        served, reader = self._served, self._reader
        self._served = self._reader = None
        if served is None:
            return None
        latency_ms = (self._tools.clock() - served.started) * 1000.0
        if self._timed_out:
            return OutcomeRow(
                served.decision.decision_id, self._tools.epoch(), latency_ms=latency_ms, failure_mode="timeout"
            )
        reply = None if reader is None else reader.finish()
        if reply is None or (reply.usage is None and not self._complete):
            return None
        usage = reply.usage
        return OutcomeRow(
            decision_id=served.decision.decision_id,
            reported_at=self._tools.epoch(),
            input_tokens=None if usage is None else usage.input_tokens,
            cached_input_tokens=None if usage is None else usage.cached_input_tokens,
            output_tokens=None if usage is None else usage.output_tokens,
            reasoning_tokens=None if usage is None else usage.reasoning_tokens,
            latency_ms=latency_ms if self._complete else None,
            model=reply.model,
        )

    def _body_mode(self) -> pb.ProcessingMode.BodySendMode:
        """Choose how the body comes.

        A body whose length is announced is held as a whole: then the length can be set right. Where it is not, as much
        as fits is held, and a body that turns out larger goes on unread; Envoy would refuse it otherwise.
        """
        length = self._headers.get(b"content-length", b"")
        if not length.isdigit():
            return pb.ProcessingMode.BUFFERED_PARTIAL
        fits = int(length[:19]) <= self._tools.max_body_bytes
        return pb.ProcessingMode.BUFFERED if fits else pb.ProcessingMode.NONE

    def _decide(self, endpoint: Endpoint, raw: bytes, started: float) -> Answer:
        document = read_lossless(raw)
        if not isinstance(document.value, dict):
            raise BadRequest("the body is no JSON object")
        hints = read_gateway_hints(
            {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers.items()}
        )
        reading = parse_body(document.value, endpoint.api, model=endpoint.model, hints=hints)
        decision = self._tools.guard.decide(reading.request, self._headers.items())
        done = apply_decision(document.value, reading, decision)
        said = decision_headers(reading, decision, done)
        self._served = _Served(decision, started, [pair for pair in said if pair[0] in _FOR_CLIENT])
        answer = Answer()
        common = answer.request_body.response
        _set(common.header_mutation, (*said, *self._encodings()))
        if done.changed:
            body = write_lossless(done.body, document.plain)
            common.body_mutation.body = body
            _set(common.header_mutation, ((b"content-length", b"%d" % len(body)),))
        common.clear_route_cache = reading.model is not None and not same_model(reading.model, done.model)
        return answer

    def _encodings(self) -> list[tuple[bytes, bytes]]:
        """Ask the upstream for a compression that can be read here, among those that the client takes."""
        offered = self._headers.get(b"accept-encoding")
        if offered is None:
            return []
        names = {part.partition(b";")[0].strip().lower() for part in offered.split(b",")}
        if names <= {name.encode() for name in READABLE_ENCODINGS}:
            return []
        return [(b"accept-encoding", b"gzip" if b"gzip" in names else b"identity")]


def _is_json(headers: Headers) -> bool:
    encoding = headers.get(b"content-encoding", b"identity").lower()
    return encoding == b"identity" and b"json" in headers.get(b"content-type", b"application/json").lower()


def _headers(held: pb.HeaderMap) -> Headers:
    return {header.key.encode(): header.raw_value or header.value.encode() for header in held.headers}


def _set(mutation: pb.HeaderMutation, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    # Built in place: messages that are made first and copied then cost five times as much.
    add = mutation.set_headers.add
    for name, value in pairs:
        add(header={"key": name.decode("latin-1"), "raw_value": value}, append_action=_OVERWRITE)


def _refuse(problem: Problem) -> Answer:
    answer = Answer()
    answer.immediate_response.status.code = problem.kind.status
    answer.immediate_response.body = problem.to_json()
    _set(answer.immediate_response.headers, ((b"content-type", MEDIA_TYPE),))
    return answer
