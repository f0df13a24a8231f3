"""The HTTP route `POST /v1/webhooks/portkey`: a webhook guardrail of Portkey that rewrites a call before it is made.

Portkey posts an envelope with the call in `request.json`, and takes `transformedData.request.json` of the answer in
its place. A verdict that is not true lets Portkey refuse the client's call, so it is always true, and the status
always 200.
"""

from __future__ import annotations

import logging
from typing import Any, Final

import orjson

from serving.decision import BadRequest
from serving.http_api.asgi import ClientGoneError, Receive, Scope, Send, answer_json, read_json_body
from serving.http_api.auth_middleware import refusal_of
from serving.http_api.docs import PORTKEY_ANSWER, PORTKEY_CALLS, request_body
from serving.http_api.route import Route, RouteText
from serving.http_api.webhooks.forwarding import portkey_forwarding
from serving.http_api.webhooks.gateway_call import Context, GatewayCall, read_context, rewrite_call
from serving.http_api.webhooks.passing_on import RecordedBody
from serving.schemas import HEADER_PREFIX, RequestLimits, decision_headers, read_lossless, write_lossless
from serving.service import (
    CALL_ERRORS,
    SERVER_FAULT,
    DecisionService,
    Rewriting,
    counting_unread,
    error_location,
    notify_rewritten,
    problem_of,
)

logger = logging.getLogger("thinkgate.http")

_CONTENT: Final = {"application/json": {"schema": {"type": "object"}, "example": PORTKEY_ANSWER}}

PORTKEY: Final = RouteText(
    summary="Rewrite a call as a webhook guardrail of Portkey",
    description=(
        "Takes the envelope of Portkey's webhook check (`default.webhook` in `before_request_hooks`), decides on"
        " `request.json`, and answers `transformedData.request.json` with the whole new body where it changed."
        " `verdict` is always true and the status always 200: without a key of scope `decide`, over the rate, and where"
        " the call can't be read or decided on, nothing is transformed and `data.problem` says why. The model stays as"
        " it is, and only settings that Portkey sends on to the provider are set. Context goes in the same headers as"
        " at `/v1/rewrite`; of a single call in Portkey's metadata, under the same names."
    ),
    responses={200: {"description": "The verdict, and the call to send on.", "content": _CONTENT}},
    extra=request_body({"type": "object"}, PORTKEY_CALLS),
)


class PortkeyRoute:
    """The webhook as an ASGI application.

    Parameters
    ----------
    decision_service
        Makes the decisions.
    limits
        Enforced on every call: what is larger goes on undecided.
    """

    def __init__(self, decision_service: DecisionService, limits: RequestLimits) -> None:
        self._decision_service = decision_service
        self._limits = limits

    @property
    def route(self) -> Route:
        """Give the route."""
        return Route("POST", "/v1/webhooks/portkey", self.rewrite, PORTKEY)

    async def rewrite(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a webhook call."""
        body = RecordedBody(receive)
        refused = refusal_of(scope)
        try:
            if refused is not None:
                self._decision_service.pass_over("refused", "portkey")
                await body.discard()
                await answer_json(send, _untouched(refused.detail))
                return
            found = await self._rewrite(scope, body)
        except ClientGoneError:
            return
        except CALL_ERRORS as error:
            await body.discard()
            await answer_json(send, _untouched(problem_of(error).detail))
        except Exception as error:
            logger.error("a call of Portkey was not decided: %s", error_location(error))
            await body.discard()
            await answer_json(send, _untouched(SERVER_FAULT.detail))
        else:
            if found is None:
                await answer_json(send, _untouched(""))
                return
            written, rewriting = found
            try:
                await answer_json(send, written or _untouched(""))
            finally:  # sinks are notified once the caller has the answer
                notify_rewritten(self._decision_service, rewriting, scope["headers"])

    async def _rewrite(self, scope: Scope, body: RecordedBody) -> tuple[bytes | None, Rewriting] | None:
        """Decide; None for what is no chat, or not to be sent yet."""
        service = self._decision_service
        with counting_unread(service, "portkey"):
            document = read_lossless(await read_json_body(scope, body.receive, self._limits.body))
            envelope = document.value
            request = envelope.get("request") if isinstance(envelope, dict) else None
            call = request.get("json") if isinstance(request, dict) else None
            if not isinstance(call, dict):
                raise BadRequest("request.json must be an object: send what Portkey's webhook check sends")
        if envelope.get("eventType") != "beforeRequestHook":
            return None  # a reply, or a Portkey that takes no transformed call yet
        forwarding = portkey_forwarding(envelope.get("requestType"), envelope.get("provider"))
        if forwarding is None:
            service.pass_over("not_a_chat", "portkey")
            return None

        def write(rewriting: Rewriting) -> bytes:
            return _answer(rewriting, document.plain)

        context = _with_metadata(read_context(scope), envelope.get("metadata"))
        return rewrite_call(service, GatewayCall(call, forwarding, "portkey"), context, scope["headers"], write)


def _with_metadata(context: Context, metadata: Any) -> Context:
    """Add what Portkey's metadata say of a single call; the webhook's own headers win."""
    said = metadata.items() if isinstance(metadata, dict) else ()
    named = {
        name.lower(): value
        for name, value in said
        if isinstance(value, str) and name.lower().startswith(HEADER_PREFIX) and name.isascii()
    }
    return Context(named | context.headers, context.drop_sampling)


def _answer(rewriting: Rewriting, plain: bool) -> bytes:
    headers = decision_headers(rewriting.parsed, rewriting.decided.decision, rewriting.rewritten)
    data = {name.decode().removeprefix(HEADER_PREFIX).replace("-", "_"): text.decode() for name, text in headers}
    answer: dict[str, Any] = {"verdict": True, "data": data}
    if rewriting.rewritten.changed:
        answer["transformedData"] = {"request": {"json": rewriting.rewritten.body}}
    return write_lossless(answer, plain)


def _untouched(problem: str) -> bytes:
    return orjson.dumps({"verdict": True} | ({"data": {"problem": problem}} if problem else {}))
