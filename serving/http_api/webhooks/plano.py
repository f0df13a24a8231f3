"""The HTTP route `POST /v1/webhooks/plano/...`: an input filter of Plano, a body in, the body that pays back out.

Plano posts the client's body to the filter's URL with the path of the call behind it, and takes the body of a 200. A
4xx would refuse the client's call and a 5xx break it, so the answer is always 200: where nothing can be decided, with
the body as it came.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from serving.decision import BadRequest
from serving.http_api.asgi import SECURITY_HEADERS, ClientGoneError, Receive, Scope, Send, answer_json, read_json_body
from serving.http_api.auth_middleware import refusal_of
from serving.http_api.docs import REWRITE_BODIES, REWRITTEN_BODY, request_body
from serving.http_api.route import Route, RouteText
from serving.http_api.webhooks.forwarding import plano_forwarding
from serving.http_api.webhooks.gateway_call import GatewayCall, read_context, rewrite_call
from serving.http_api.webhooks.passing_on import RecordedBody
from serving.schemas import HEADER_PREFIX, RequestLimits, decision_headers, read_lossless, write_lossless
from serving.service import (
    CALL_ERRORS,
    DecisionService,
    Rewriting,
    counting_unread,
    error_location,
    notify_rewritten,
    problem_of,
)

logger = logging.getLogger("thinkgate.http")

_NOTE: Final = f"{HEADER_PREFIX}note".encode()
_PATH: Final = "/v1/webhooks/plano/{request_path:path}"
_CONTENT: Final = {
    "application/json": {"schema": {"type": "object"}, "example": REWRITTEN_BODY},
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
}

PLANO: Final = RouteText(
    summary="Rewrite a call as an input filter of Plano",
    description=(
        "Takes the body that Plano posts to a filter of `type: http` whose `url` ends in `/v1/webhooks/plano`, decides,"
        " and gives back the body to send on. The answer is always 200: without a key of scope `decide`, over the rate,"
        " and where the body can't be read or decided on, it is the body as it came, and `x-thinkgate-note` says why."
        " The model stays as it is, and only settings that Plano sends on are set. Context goes in the same headers as"
        " at `/v1/rewrite`: Plano passes the client's on."
    ),
    responses={200: {"description": "The body to send on.", "content": _CONTENT}},
    extra={
        "parameters": [
            {
                "name": "request_path",
                "in": "path",
                "required": True,
                "description": "Path of the client's call, which Plano appends, such as `v1/chat/completions`.",
                "schema": {"type": "string"},
            }
        ],
        **request_body({"type": "object"}, REWRITE_BODIES),
    },
)


class PlanoRoute:
    """The filter as an ASGI application.

    Parameters
    ----------
    decision_service
        Makes the decisions.
    limits
        Enforced on every call: what is larger is given back undecided.
    """

    def __init__(self, decision_service: DecisionService, limits: RequestLimits) -> None:
        self._decision_service = decision_service
        self._limits = limits

    @property
    def route(self) -> Route:
        """Give the route."""
        return Route("POST", _PATH, self.rewrite, PLANO)

    async def rewrite(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a filter call."""
        body = RecordedBody(receive)
        refused = refusal_of(scope)
        try:
            if refused is not None:
                self._decision_service.pass_over("refused", "plano")
                await body.pass_on(send, ((_NOTE, refused.kind.title.encode()),))
                return
            found = await self._rewrite(scope, body)
        except ClientGoneError:
            return
        except CALL_ERRORS as error:
            await body.pass_on(send, ((_NOTE, problem_of(error).kind.title.encode()),))
        except Exception as error:
            logger.error("a call of Plano was not decided: %s", error_location(error))
            await body.pass_on(send)
        else:
            if found is None:
                await body.pass_on(send, is_json=True)
                return
            written, rewriting = found
            said = decision_headers(rewriting.parsed, rewriting.decided.decision, rewriting.rewritten)
            try:
                if written is None:
                    await body.pass_on(send, said, is_json=True)
                else:
                    headers = ((b"content-type", b"application/json"), *SECURITY_HEADERS, *said)
                    await answer_json(send, written, headers=headers)
            finally:  # sinks are notified once the caller has the answer
                notify_rewritten(self._decision_service, rewriting, scope["headers"])

    async def _rewrite(self, scope: Scope, body: RecordedBody) -> tuple[bytes | None, Rewriting] | None:
        """Decide; None for what is no chat."""
        service = self._decision_service
        with counting_unread(service, "plano"):
            document = read_lossless(await read_json_body(scope, body.receive, self._limits.body))
            value: Any = document.value
            if not isinstance(value, dict):
                raise BadRequest("the body is no JSON object")
        path = f"/{scope.get('path_params', {}).get('request_path', '')}"
        model = value.get("model")
        forwarding = plano_forwarding(path, model if isinstance(model, str) else "")
        if forwarding is None:
            service.pass_over("not_a_chat", "plano")
            return None

        def write(rewriting: Rewriting) -> bytes | None:
            rewritten = rewriting.rewritten
            return write_lossless(rewritten.body, document.plain) if rewritten.changed else None

        call = GatewayCall(value, forwarding, "plano")
        return rewrite_call(service, call, read_context(scope), scope["headers"], write)
