"""One HTTP exchange as Envoy's ext_proc filter streams it: decide, rewrite the request body, read the reply's usage."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from serving.decision import BadRequest
from serving.decision.providers import (
    BETA,
    BETA_HEADER,
    READABLE_ENCODINGS,
    Endpoint,
    apply_decision,
    is_arm_model,
    parse_body,
    parse_path,
    read_gateway_headers,
    same_model,
)
from serving.decision.selection import EveryArmDenied
from serving.gateways.asked_usage import with_usage_asked
from serving.gateways.envoy_reply import (
    Answer,
    DecidedCall,
    ExchangeServices,
    Headers,
    Reply,
    read_headers,
    set_headers,
)
from serving.journal import OutcomeRow
from serving.proto.envoy import ext_proc_pb2 as pb
from serving.schemas import (
    DENIED,
    MEDIA_TYPE,
    Problem,
    Rejected,
    decision_headers,
    decode_body,
    is_readable,
    read_lossless,
    write_lossless,
)
from serving.service import continues_loop, counting_unread, effort_history_of, notify_rewritten, rewrite_decided

_DECISION_HEADERS: Final = tuple(
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
"""Headers that only thinkgate may set for the upstream: a client's own are removed."""
_CLIENT_HEADERS: Final = frozenset(
    {b"x-thinkgate-" + name for name in (b"decision-id", b"arm", b"effort", b"applied", b"bucket", b"fallback")}
)
_HOST_HEADER: Final = b"x-thinkgate-host"


class Exchange:
    """Answers Envoy's messages of one stream, in their order; `outcome` holds the result once the reply was read.

    Whatever can't be read is passed on unchanged. Only a request for which the policy's own rules leave no arm is
    answered in the upstream's place, with 403.

    Parameters
    ----------
    read_replies
        False where no outcomes are taken: then replies pass unread.
    """

    def __init__(self, services: ExchangeServices, *, read_replies: bool = True) -> None:
        self._services = services
        self._read_replies = read_replies
        self._headers: Headers = {}
        self._endpoint: Endpoint | None = None
        self._reply: Reply | None = None
        self._bodies_seen = 0
        self.configured: pb.ProtocolConfiguration | None = None
        """How the filter is configured, where it says so."""

    @property
    def wants_body(self) -> bool:
        """Whether the request's body is to be decided on, as far as its headers tell."""
        return self._endpoint is not None and self._is_readable() and self._body_mode() != pb.ProcessingMode.NONE

    def request_headers(self, message: pb.HttpHeaders) -> Answer:
        """Read path and headers; ask for the body of a model call only."""
        self._headers = read_headers(message.headers)
        path = self._headers.get(b":path", b"").decode("latin-1")
        if self._headers.get(b":method") == b"POST" and not message.end_of_stream:
            # Envoy rewrites the authority after this filter: a gateway that does so says it in a header of its own.
            stated = self._headers.get(_HOST_HEADER) or self._headers.get(b":authority")
            authority = stated or self._headers.get(b"host", b"")
            self._endpoint = parse_path(path, authority.decode("latin-1"))
            if self._endpoint is None:
                self._services.decision_service.pass_over("not_a_chat", "ext_proc")
        forged = [name for name in _DECISION_HEADERS if name.encode() in self._headers]
        answer = Answer(request_headers=pb.HeadersResponse())
        if forged:
            # Envoy may have chosen a route by them already.
            answer.request_headers.response.header_mutation.remove_headers.extend(forged)
            answer.request_headers.response.clear_route_cache = True
        answer.mode_override.request_header_mode = pb.ProcessingMode.SEND
        answer.mode_override.response_header_mode = pb.ProcessingMode.SKIP
        if self._endpoint is not None:
            answer.mode_override.response_header_mode = pb.ProcessingMode.SEND
            if self.wants_body:
                answer.mode_override.request_body_mode = self._body_mode()
            else:
                self.leave_unread()
        return answer

    def request_body(self, message: pb.HttpBody) -> Answer:
        """Decide, and rewrite the body; pass it on unchanged where it can't be read or came in part only."""
        untouched = Answer(request_body=pb.BodyResponse())
        self._bodies_seen += 1
        whole = message.end_of_stream and self._bodies_seen == 1 and len(message.body) <= self._services.max_body_bytes
        if self._endpoint is None:
            return untouched
        if not whole or not self._is_readable():
            if self._bodies_seen == 1 and self.wants_body:
                self.leave_unread()
            return untouched
        started = self._services.clock()
        try:
            return self._decide(self._endpoint, message.body, started)
        except (Rejected, BadRequest):
            return untouched
        except EveryArmDenied as error:
            return _refuse(Problem(DENIED, str(error)))

    def leave_unread(self) -> None:
        """Count a model call whose body is too large, or can't be read: it goes on without a decision."""
        self._services.decision_service.pass_over("body_unread", "ext_proc")

    def response_headers(self, message: pb.HttpHeaders) -> Answer:
        """Add the decision's headers for the client, and ask to see the reply's body as it passes."""
        return Answer(response_headers=pb.HeadersResponse()) if self._reply is None else self._reply.headers(message)

    def response_body(self, message: pb.HttpBody) -> Answer:
        """Read a chunk of the reply and let it pass at once."""
        return Answer(response_body=pb.BodyResponse()) if self._reply is None else self._reply.body(message)

    def outcome(self) -> OutcomeRow | None:
        """Give the call's outcome, once, without success; None where nothing is known."""
        reply, self._reply = self._reply, None
        return None if reply is None else reply.outcome()

    def _body_mode(self) -> pb.ProcessingMode.BodySendMode:
        """Choose how Envoy sends the body.

        A body of announced length is buffered whole: then the new length can be set. Otherwise as much as fits is
        buffered, and a body that turns out larger passes unread; Envoy would refuse it in the other mode.
        """
        length = self._headers.get(b"content-length", b"")
        if not length.isdigit():
            return pb.ProcessingMode.BUFFERED_PARTIAL
        fits = int(length[:19]) <= self._services.max_body_bytes
        return pb.ProcessingMode.BUFFERED if fits else pb.ProcessingMode.NONE

    def _decide(self, endpoint: Endpoint, raw: bytes, started: float) -> Answer:
        service = self._services.decision_service
        coding = self._coding()
        with counting_unread(service, "ext_proc"):
            document = read_lossless(decode_body(raw, coding, self._services.max_body_bytes) if coding else raw)
            if not isinstance(document.value, dict):
                raise BadRequest("the body is no JSON object")
            gateway_headers = read_gateway_headers(
                {name.decode("latin-1"): value.decode("latin-1") for name, value in self._headers.items()}
            )
            parsed = parse_body(
                document.value,
                endpoint.api,
                model=endpoint.model,
                headers=gateway_headers,
                host=endpoint.host,
                sets_headers=True,
            )
        self._require_arm_model(parsed.model)
        parsed = replace(parsed, request=service.identify(parsed.request, self._headers.items()))
        decided = service.answer(parsed.request, self._headers.items())
        rewriting = rewrite_decided(
            service,
            parsed,
            decided,
            "ext_proc",
            lambda decision, arm: apply_decision(
                document.value,
                parsed,
                decision,
                continue_loop=continues_loop(service, decided),
                arm=arm,
                effort_history=effort_history_of(decided),
            ),
        )
        notify_rewritten(service, rewriting, self._headers.items())
        decision, rewritten = decided.decision, rewriting.rewritten
        headers = decision_headers(parsed, decision, rewritten)
        asked = None
        if self._services.ask_usage and self._read_replies:
            asked = with_usage_asked(rewritten.body, parsed.api)
        client_headers = [pair for pair in headers if pair[0] in _CLIENT_HEADERS]
        call = DecidedCall(
            decision.decision_id, started, client_headers, endpoint.api, asked is not None, parsed.request
        )
        self._reply = Reply(self._services, call, read=self._read_replies)
        answer = Answer()
        common = answer.request_body.response
        set_headers(common.header_mutation, (*headers, *self._encodings(only_plain=asked is not None)))
        if rewritten.needs_beta:
            set_headers(common.header_mutation, (with_beta(self._headers),))
        if rewritten.changed or asked is not None:
            body = write_lossless(asked or rewritten.body, document.plain)
            common.body_mutation.body = body
            set_headers(common.header_mutation, ((b"content-length", b"%d" % len(body)),))
            if coding:
                common.header_mutation.remove_headers.append("content-encoding")
        common.clear_route_cache = parsed.model is not None and not same_model(parsed.model, rewritten.model)
        return answer

    def _require_arm_model(self, model: str | None) -> None:
        if model is None or not self._services.only_arm_models:
            return
        arms = self._services.decision_service.slot.live.arms
        if not any(is_arm_model(model, arm) for arm in arms):
            self._services.decision_service.pass_over("model_of_no_arm", "ext_proc")
            raise BadRequest("the call names a model of no arm")

    def _coding(self) -> bytes:
        """Give the content-encoding of the request's body; empty where it is plain."""
        coding = self._headers.get(b"content-encoding", b"").strip().lower()
        return b"" if coding == b"identity" else coding

    def _is_readable(self) -> bool:
        """Tell whether the body is JSON that can be read, and changed.

        A decoded body is sent on plain, so its content-encoding must go; where bodies are streamed, headers can't
        change any more, and where the filter does not tell its mode, that is not known.
        """
        if b"json" not in self._headers.get(b"content-type", b"application/json").lower():
            return False
        coding = self._coding()
        if not coding:
            return True
        mode = None if self.configured is None else self.configured.request_body_mode
        return is_readable(coding) and mode is not None and mode != pb.ProcessingMode.STREAMED

    def _encodings(self, *, only_plain: bool) -> list[tuple[bytes, bytes]]:
        """Restrict `accept-encoding` to what can be read, or changed, among the encodings that the client takes."""
        offered = self._headers.get(b"accept-encoding")
        if offered is None:
            return []
        if only_plain:
            return [(b"accept-encoding", b"identity")]
        names = {part.partition(b";")[0].strip().lower() for part in offered.split(b",")}
        if names <= {name.encode() for name in READABLE_ENCODINGS}:
            return []
        return [(b"accept-encoding", b"gzip" if b"gzip" in names else b"identity")]


def with_beta(headers: Headers) -> tuple[bytes, bytes]:
    """Give Anthropic's beta header with what the client asks for already."""
    name = BETA_HEADER.encode()
    asked = [part.strip() for part in headers.get(name, b"").split(b",") if part.strip()]
    return name, b",".join([*asked, *([] if BETA.encode() in asked else [BETA.encode()])])


def _refuse(problem: Problem) -> Answer:
    answer = Answer()
    answer.immediate_response.status.code = problem.kind.status
    answer.immediate_response.body = problem.to_json()
    set_headers(answer.immediate_response.headers, ((b"content-type", MEDIA_TYPE),))
    return answer
