"""ASGI middleware that checks API key, scope and rate; a route that is not listed needs the scope `admin`."""

from __future__ import annotations

from typing import Final

from serving.auth import Authorizer, Caller, RequiredScope, token_of
from serving.http_api.asgi import App, Receive, Scope, Send, answer_problem
from serving.http_api.model_calls import is_model_call
from serving.schemas import Problem

PATH_SCOPES: Final[dict[str, RequiredScope]] = {
    "/": "nothing",
    "/docs": "nothing",
    "/openapi.json": "nothing",
    "/healthz": "nothing",
    "/readyz": "nothing",
    "/v1/decisions": "decide",
    "/v1/decisions/batch": "decide",
    "/v1/rewrite": "decide",
    "/v1/webhooks/portkey": "decide",
    "/v1/webhooks/plano/v1/chat/completions": "decide",
    "/v1/webhooks/plano/v1/messages": "decide",
    "/v1/webhooks/plano/v1/responses": "decide",
    "/v1/outcomes": "report",
    "/v1/journal": "admin",
    "/v1/model": "any key",
    "/v1/model/rollback": "admin",
    "/metrics": "metrics",
}
"""Scope that each path asks of its caller."""

_DECISIONS: Final = "/v1/decisions/"
_WEBHOOKS: Final = "/v1/webhooks/"
_CALLER_KEY: Final = "thinkgate.caller"
_REFUSAL_KEY: Final = "thinkgate.refusal"


def required_scope(method: str, path: str) -> RequiredScope:
    """Give the scope that a call needs; where a path is not listed, reading needs any key, anything else an admin.

    A provider SDK's path needs nothing: there is only the explanation that it is the wrong address.

    Examples
    --------
    >>> [required_scope("POST", path) for path in ("/v1/decisions", "/v1/model/rollback")]
    ['decide', 'admin']
    >>> required_scope("GET", "/v1/decisions/01J"), required_scope("GET", "/v2")
    ('admin if locked', 'any key')
    >>> required_scope("POST", "/v1/chat/completions")
    'nothing'
    """
    scope = PATH_SCOPES.get(path)
    if scope is None and path.startswith(_DECISIONS):
        return "admin if locked"  # a decision of any tenant, perhaps with its prompt
    if scope is None and path.startswith(_WEBHOOKS):
        return "decide"
    if scope is None and is_model_call(path):
        return "nothing"
    if scope is None:
        return "any key" if method in ("GET", "HEAD", "OPTIONS") else "admin"
    return scope


def require_key(app: App, authorizer: Authorizer) -> App:
    """Let only authorized calls reach `app`; the others are answered with a problem, their body unread.

    Webhooks of gateways get them too, for there a problem would make a user's call fail: they are told by `refusal_of`.
    """

    async def authorized(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        token = _token(scope) if authorizer.locked else None
        caller = authorizer.authorize(token, required_scope(scope["method"], scope["path"]))
        if isinstance(caller, Problem) and scope["path"].startswith(_WEBHOOKS) and scope["method"] == "POST":
            scope[_REFUSAL_KEY] = caller
            await app(scope, receive, send)
            return
        if isinstance(caller, Problem):
            await answer_problem(caller, receive, send)
            return
        scope[_CALLER_KEY] = (authorizer, caller)
        await app(scope, receive, send)

    return authorized


def refusal_of(scope: Scope) -> Problem | None:
    """Give why a webhook's call must not be decided on; None where it may."""
    refusal: Problem | None = scope.get(_REFUSAL_KEY)
    return refusal


def charge_batch(scope: Scope, calls: int) -> None:
    """Charge the caller's rate for a batch's items beyond the first; does nothing where no middleware authorized it."""
    entry: tuple[Authorizer, Caller] | None = scope.get(_CALLER_KEY)
    if entry is not None:
        authorizer, caller = entry
        authorizer.charge(caller, calls)


def _token(scope: Scope) -> str | None:
    authorization = x_api_key = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value.decode("latin-1")
        elif name == b"x-api-key":
            x_api_key = value.decode("latin-1")
    return token_of(authorization, x_api_key)
