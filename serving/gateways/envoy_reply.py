"""The reply of a decided call as it passes Envoy: headers for the client, token usage and latency for the outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from serving.decision import Request
from serving.decision.providers import Api, ReplyReader
from serving.gateways.asked_usage import UsageEventRemover
from serving.journal import OutcomeRow
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.service import DecisionService

Answer = pb.ProcessingResponse
Headers = Mapping[bytes, bytes]

_OVERWRITE: Final = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
_TIMEOUT_STATUSES: Final = frozenset({b"408", b"504"})


@dataclass(frozen=True, slots=True)
class ExchangeServices:
    """What all exchanges share.

    Parameters
    ----------
    decision_service
        Makes the decisions.
    clock
        Monotonic seconds.
    epoch
        Seconds since the epoch.
    max_body_bytes
        Larger bodies are not requested from Envoy.
    ask_usage
        Whether the usage of streamed chat replies is asked for where the client did not say.
    replies
        Complete replies so far, by what became of their usage: `read`, `missing`, `malformed` or `unreadable`.
    only_arm_models
        Calls that name a model of no arm pass as they came.
    """

    decision_service: DecisionService
    clock: Callable[[], float]
    epoch: Callable[[], float]
    max_body_bytes: int
    ask_usage: bool = False
    replies: Counter[str] = field(default_factory=Counter)
    only_arm_models: bool = False


@dataclass(frozen=True, slots=True)
class DecidedCall:
    """What of a decided call its reply needs.

    Parameters
    ----------
    started
        By the monotonic clock, in seconds.
    client_headers
        What of the decision the client gets to see.
    usage_asked
        Whether the usage of a stream was asked for in the client's place.
    request
        As it was decided on.
    """

    decision_id: str
    started: float
    client_headers: Sequence[tuple[bytes, bytes]]
    api: Api
    usage_asked: bool
    request: Request


class Reply:
    """Reads the reply's messages in their order.

    Parameters
    ----------
    read
        False where no outcomes are taken: then bodies pass unread.
    """

    def __init__(self, services: ExchangeServices, call: DecidedCall, *, read: bool) -> None:
        self._services = services
        self._call = call
        self._read = read
        self._reader: ReplyReader | None = None
        self._remover: UsageEventRemover | None = None
        self._timed_out = False
        self._complete = False

    def headers(self, message: pb.HttpHeaders) -> Answer:
        """Add the decision's headers for the client, and ask to see the body as it passes."""
        answer = Answer(response_headers=pb.HeadersResponse())
        headers = read_headers(message.headers)
        status = headers.get(b":status", b"")
        set_headers(answer.response_headers.response.header_mutation, self._call.client_headers)
        self._timed_out = status in _TIMEOUT_STATUSES
        if self._read and status.startswith(b"2") and not message.end_of_stream:
            kind, encoding = headers.get(b"content-type", b""), headers.get(b"content-encoding", b"")
            self._reader = ReplyReader(self._call.api, kind.decode("latin-1"), encoding.decode("latin-1"))
            if self._call.usage_asked and kind.startswith(b"text/event-stream") and encoding in (b"", b"identity"):
                self._remover = UsageEventRemover()
            answer.mode_override.response_body_mode = pb.ProcessingMode.STREAMED
            answer.mode_override.response_header_mode = pb.ProcessingMode.SEND
        return answer

    def body(self, message: pb.HttpBody) -> Answer:
        """Read a piece and let it pass at once, but for the usage that the client did not ask for."""
        if self._reader is not None:
            self._reader.feed(message.body)
        self._complete = self._complete or message.end_of_stream
        answer = Answer(response_body=pb.BodyResponse())
        if self._remover is not None:
            mutation = answer.response_body.response.body_mutation
            if passed := self._remover.feed(message.body, last=message.end_of_stream):
                mutation.body = passed
            else:
                mutation.clear_body = True
        return answer

    def outcome(self) -> OutcomeRow | None:
        """Give the call's outcome, without success; None where nothing is known."""
        latency_ms = (self._services.clock() - self._call.started) * 1000.0
        if self._timed_out:
            return OutcomeRow(
                self._call.decision_id, self._services.epoch(), latency_ms=latency_ms, failure_mode="timeout"
            )
        reply = None if self._reader is None else self._reader.finish()
        if reply is None or (reply.usage is None and not self._complete):
            return None
        self._services.replies[reply.why_unknown or "read"] += 1
        if reply.reply_id is not None:
            self._services.decision_service.remember_reply(self._call.request, reply.reply_id)
        usage = reply.usage
        return OutcomeRow(
            decision_id=self._call.decision_id,
            reported_at=self._services.epoch(),
            input_tokens=None if usage is None else usage.input_tokens,
            cached_input_tokens=None if usage is None else usage.cached_input_tokens,
            output_tokens=None if usage is None else usage.output_tokens,
            reasoning_tokens=None if usage is None else usage.reasoning_tokens,
            latency_ms=latency_ms if self._complete else None,
            model=reply.model,
        )


def read_headers(message: pb.HeaderMap) -> Headers:
    """Give headers by their lower-case names."""
    return {header.key.encode(): header.raw_value or header.value.encode() for header in message.headers}


def set_headers(mutation: pb.HeaderMutation, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """Let Envoy set headers, in the place of others of the name."""
    # Built in place: messages that are made first and copied then cost five times as much.
    add = mutation.set_headers.add
    for name, value in pairs:
        add(header={"key": name.decode("latin-1"), "raw_value": value}, append_action=_OVERWRITE)
