"""The HTTP route `POST /v1/rewrite`: a provider's request body in, the body that asks for the decided effort out.

A gateway passes the client's body as it is, and sends on what comes back. The decision stands in `x-thinkgate-*`
headers. A body that can't be read is answered with a problem (4xx): then the gateway sends the client's body on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from serving.decision import Arm, BadRequest, Decision, Integration
from serving.decision.providers import (
    API_NAMES,
    BETA,
    PROXY_DIALECT,
    ParsedBody,
    ProxyCall,
    Rewrite,
    apply_decision,
    parse_api_name,
    parse_body,
    parse_host,
    parse_proxy_call,
    read_gateway_headers,
    rewrite_proxy_call,
)
from serving.http_api.asgi import (
    SECURITY_HEADERS,
    ClientGoneError,
    Receive,
    Scope,
    Send,
    answer_json,
    answer_problem,
    read_json_body,
)
from serving.http_api.docs import (
    DECISION_REFUSALS,
    REWRITE_BODIES,
    REWRITE_PATCH,
    REWRITTEN_BODY,
    problem_responses,
    request_body,
)
from serving.http_api.route import Route, RouteText
from serving.schemas import (
    HEADER_PREFIX,
    INVALID,
    Document,
    Headers,
    Problem,
    Rejected,
    RequestLimits,
    decision_headers,
    proxy_headers,
    read_lossless,
    write_lossless,
)
from serving.service import (
    CALL_ERRORS,
    DecisionService,
    Rewriting,
    continues_loop,
    counting_unread,
    effort_history_of,
    net_benefit_usd,
    notify_rewritten,
    problem_of,
    rewrite_decided,
)

FORMS: Final = {
    "body": b"application/json",
    "patch": b"application/json-patch+json",
    "merge": b"application/merge-patch+json",
}
"""Forms of the answer, and their media types: the whole body, RFC 6902 operations, an RFC 7396 merge patch."""
_PARAMETERS: Final = ("form", "dialect", "model", "host", "drop-sampling", "sets-headers")
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_HEADER_TEXTS: Final = {
    "decision-id": "Name it when the outcome is reported.",
    "arm": "Arm that was decided.",
    "effort": "Effort that was decided.",
    "applied": "Effort that the body asks for now, as far as its model takes it; `unchanged`: it says nothing of it.",
    "bucket": "`use`, `maybe` or `avoid`.",
    "model": "Model whose words the body speaks.",
    "fallback": "`none`, or who answered where the model could not.",
    "max-reasoning-tokens": "Cap of the call.",
    "max-retries": "Cap of the call.",
    "max-total-ms": "Cap of the call.",
    "note": "Why the body was left alone, where it was.",
    "set-anthropic-beta": "To be added to the call's `anthropic-beta`; only where `sets-headers` was asked for.",
}


def _query(name: str, description: str, values: Sequence[str] = ()) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} | ({"enum": list(values)} if values else {})
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _responses() -> dict[int | str, dict[str, Any]]:
    text = {"schema": {"type": "string"}}
    headers = {f"{HEADER_PREFIX}{name}": text | {"description": meaning} for name, meaning in _HEADER_TEXTS.items()}
    content: dict[str, Any] = {
        "application/json": {"schema": {"type": "object"}, "example": REWRITTEN_BODY},
        "application/json-patch+json": {"schema": {"type": "array"}, "example": REWRITE_PATCH},
        "application/merge-patch+json": {"schema": {"type": "object"}, "example": {"reasoning_effort": "none"}},
    }
    success = {"description": "The body to send on, or what to change in it.", "headers": headers, "content": content}
    return {200: success} | problem_responses(DECISION_REFUSALS)


REWRITE: Final = RouteText(
    summary="Make a provider's request body ask for what pays",
    description=(
        "Takes the body of a model call as the client sent it (OpenAI chat or responses, Anthropic messages, Gemini"
        " generateContent, OpenRouter, and vLLM behind OpenAI chat), decides, and gives back the body to send on."
        " Fields that thinkgate does not know pass through. A client's explicit effort stands unless the policy caps"
        " it, nothing is toggled in an open tool loop, and nothing is set that the model would refuse."
        " Context goes in headers: `x-thinkgate-tenant`, `-session-id`, `-task`, `-deadline-ms`,"
        " `-value-of-success-usd`, `-max-cost-usd`; the query's parameters may be headers too. A body may come in a"
        " content-encoding (gzip, deflate, zstd, br); the answer is plain, so send it on without. Where this answers"
        " 4xx, send the client's body on as it is."
    ),
    responses=_responses(),
    extra={
        "parameters": [
            _query("form", "`body` (default), `patch` for RFC 6902, `merge` for RFC 7396.", tuple(FORMS)),
            _query(
                "dialect",
                "Shape of the body; detected where it is left out. `litellm`: `{call_type, request, groups}`, what a"
                " LiteLLM proxy holds of a call; the answer is in LiteLLM's words.",
                (*API_NAMES, PROXY_DIALECT),
            ),
            _query("model", "The model, where the URL of the call names it and the body does not (Gemini)."),
            _query("host", "Who serves the call: a name such as `openrouter`, `vllm`, `azure`, or the call's URL."),
            _query("drop-sampling", "`true`: let temperature and the like go where the model refuses them."),
            _query(
                "sets-headers",
                "`true`: the caller adds `x-thinkgate-set-anthropic-beta` to the call's `anthropic-beta`, so that an"
                " effort may change inside a conversation and keep its prompt cache.",
            ),
        ],
        **request_body({"type": "object"}, REWRITE_BODIES),
    },
)


@dataclass(frozen=True, slots=True)
class _RewriteQuery:
    """What the caller says beside the body.

    Parameters
    ----------
    gateway_headers
        Its `x-thinkgate-*` headers by lower-case name.
    """

    form: str
    dialect: str | None
    model: str | None
    host: str | None
    drop_sampling: bool
    sets_headers: bool
    gateway_headers: dict[str, str]

    @property
    def integration(self) -> Integration:
        """Who calls: LiteLLM's hook says so by its dialect."""
        return "litellm" if self.dialect == PROXY_DIALECT else "rewrite"


@dataclass(frozen=True, slots=True)
class _Call:
    """The body of one call, as it was read.

    Parameters
    ----------
    body
        The provider's body; of a proxy's call, its request.
    proxy_call
        None where the provider's own body was sent.
    """

    body: dict[str, Any]
    parsed: ParsedBody
    proxy_call: ProxyCall | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What goes back to the caller, and what the sinks hear of afterwards."""

    body: bytes | bytearray
    headers: Headers
    rewriting: Rewriting


class RewriteRoute:
    """The rewrite route as an ASGI application.

    Parameters
    ----------
    decision_service
        Makes the decisions.
    limits
        Enforced on every call.
    """

    def __init__(self, decision_service: DecisionService, limits: RequestLimits) -> None:
        self._decision_service = decision_service
        self._limits = limits

    @property
    def route(self) -> Route:
        """Give the route."""
        return Route("POST", "/v1/rewrite", self.rewrite, REWRITE)

    async def rewrite(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/rewrite`."""
        try:
            query = _read_query(scope)
            with counting_unread(self._decision_service, query.integration):
                raw = await read_json_body(scope, receive, self._limits.body, compressed=True)
            answer = self._rewrite(raw, query, scope["headers"])
        except CALL_ERRORS as error:
            await answer_problem(problem_of(error), receive, send)
        except ClientGoneError:
            return
        else:
            try:
                await answer_json(send, answer.body, headers=answer.headers)
            finally:  # sinks are notified once the caller has the answer
                notify_rewritten(self._decision_service, answer.rewriting, scope["headers"])

    def _rewrite(self, raw: bytes | bytearray, query: _RewriteQuery, headers: Headers) -> _Answer:
        with counting_unread(self._decision_service, query.integration):
            document = read_lossless(raw)
            call = _read_call(document.value, query)
        parsed = replace(call.parsed, request=self._decision_service.identify(call.parsed.request, headers))
        decided = self._decision_service.answer(parsed.request, headers)
        keeps, drops = continues_loop(self._decision_service, decided), query.drop_sampling
        history = effort_history_of(decided)

        def apply(decision: Decision, arm: Arm | None) -> Rewrite:
            if call.proxy_call is None:
                return apply_decision(
                    call.body,
                    parsed,
                    decision,
                    continue_loop=keeps,
                    drop_sampling=drops,
                    arm=arm,
                    effort_history=history,
                )
            return rewrite_proxy_call(
                call.proxy_call, parsed, decision, continue_loop=keeps, drop_sampling=drops, arm=arm
            )

        rewriting = rewrite_decided(self._decision_service, parsed, decided, query.integration, apply)
        said = (b"content-type", FORMS[query.form]), *SECURITY_HEADERS, *self._describe(rewriting)
        untouched = raw if call.proxy_call is None else write_lossless(call.body, document.plain)
        return _Answer(_payload(untouched, document, rewriting.rewritten, query.form), said, rewriting)

    def _describe(self, rewriting: Rewriting) -> Headers:
        parsed, decided, rewritten = rewriting.parsed, rewriting.decided, rewriting.rewritten
        if rewriting.integration != "litellm":
            beta = ((b"x-thinkgate-set-anthropic-beta", BETA.encode()),) if rewritten.needs_beta else ()
            return (*decision_headers(parsed, decided.decision, rewritten), *beta)
        net_usd = net_benefit_usd(decided, self._decision_service.slot.live.bound_policy)
        return proxy_headers(parsed, decided.decision, rewritten, net_usd)


def _read_call(body: Any, query: _RewriteQuery) -> _Call:
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object: send the body of a model call as it is")
    context = read_gateway_headers(query.gateway_headers)
    if query.dialect == PROXY_DIALECT:
        proxy_call = parse_proxy_call(body)
        return _Call(proxy_call.request, parse_body(proxy_call.request, proxy_call.api, headers=context), proxy_call)
    api = None if query.dialect is None else parse_api_name(query.dialect)
    host = "" if query.host is None else parse_host(query.host)
    return _Call(
        body,
        parse_body(body, api, model=query.model, headers=context, host=host, sets_headers=query.sets_headers),
        None,
    )


def _payload(raw: bytes | bytearray, document: Document, rewritten: Rewrite, form: str) -> bytes | bytearray:
    if form == "patch":
        return orjson.dumps([operation.to_json() for operation in rewritten.patch])
    if form == "merge":
        return orjson.dumps(rewritten.merge)
    return write_lossless(rewritten.body, document.plain) if rewritten.changed else raw


def _read_query(scope: Scope) -> _RewriteQuery:
    """Read the parameters from query and headers; the query wins."""
    prefix = HEADER_PREFIX.encode()
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name.startswith(prefix)
    }
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    given = {name: query[name][-1] if name in query else headers.get(HEADER_PREFIX + name) for name in _PARAMETERS}
    form = given["form"] or "body"
    dialect = None if given["dialect"] is None else given["dialect"].strip().lower()
    if form not in FORMS:
        raise Rejected(Problem(INVALID, f"unknown form: use one of {', '.join(FORMS)}"))
    drop = (given["drop-sampling"] or "").lower() in _TRUE
    sets_headers = (given["sets-headers"] or "").lower() in _TRUE
    return _RewriteQuery(form, dialect, given["model"], given["host"], drop, sets_headers, headers)
