"""Puts the authorizer in front of the HTTP API: every route says what it needs, and one that does not needs an admin."""

from __future__ import annotations

from typing import Final

from serving.auth.authorizer import Authorizer, Caller, RequiredScope, token_of
from serving.http_api.asgi import App, Receive, Scope, Send, answer_problem
from serving.schemas.problems import Problem

NEEDS: Final[dict[str, RequiredScope]] = {
    "/": "nothing",
    "/docs": "nothing",
    "/openapi.json": "nothing",
    "/healthz": "nothing",
    "/readyz": "nothing",
    "/v1/decisions": "decide",
    "/v1/decisions/batch": "decide",
    "/v1/rewrite": "decide",
    "/v1/outcomes": "report",
    "/v1/journal": "admin",
    "/v1/model": "any key",
    "/v1/model/rollback": "admin",
    "/metrics": "metrics",
}
"""What each path asks of its caller."""

_DECISIONS: Final = "/v1/decisions/"
_ENTRY: Final = "thinkgate.entry"


def required_scope(method: str, path: str) -> RequiredScope:
    """Give what a call needs; where a path is not listed, looking needs any key, and anything else an admin.

    Examples
    --------
    >>> need_of("POST", "/v1/decisions"), need_of("POST", "/v1/model/rollback"), need_of("GET", "/v2")
    ('decide', 'admin', 'any key')
    >>> need_of("GET", "/v1/decisions/01J")
    'admin if locked'
    """
    need = NEEDS.get(path)
    if need is None and path.startswith(_DECISIONS):
        return "admin if locked"  # a decision of any tenant, perhaps with its prompt
    if need is None:
        return "any key" if method in ("GET", "HEAD", "OPTIONS") else "admin"
    return need


def require_key(app: App, authorizer: Authorizer) -> App:
    """Let only those callers reach `app` whom the authorizer lets in; the others get a problem, their body unread."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        token = _token(scope) if authorizer.locked else None
        caller = authorizer.authorize(token, required_scope(scope["method"], scope["path"]))
        if isinstance(caller, Problem):
            await answer_problem(caller, receive, send)
            return
        scope[_ENTRY] = (authorizer, caller)
        await app(scope, receive, send)

    return guarded


def charge_batch(scope: Scope, calls: int) -> None:
    """Count what a batch holds beyond its first item; nothing where there is no authorizer."""
    entry: tuple[Authorizer, Caller] | None = scope.get(_ENTRY)
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
