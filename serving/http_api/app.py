"""The HTTP API: decisions on the fast path in front, everything else and the OpenAPI document on FastAPI behind it."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive as StarletteReceive
from starlette.types import Scope as StarletteScope
from starlette.types import Send as StarletteSend

from serving.http_api.asgi import (
    NO_CONTENT_ALLOWED,
    SECURITY,
    App,
    Event,
    Receive,
    Scope,
    Send,
    answer_problem,
    with_headers,
)
from serving.http_api.decisions import DecisionRoutes, Took
from serving.http_api.docs import page as docs_page
from serving.http_api.docs.openapi import (
    DECIDE,
    DECIDE_BATCH,
    DESCRIPTION,
    REWRITE,
    complete_document,
    problem_response,
)
from serving.http_api.rewrite import RewriteRoute
from serving.http_api.route import Route, RouteText
from serving.schemas.limits import RequestLimits
from serving.schemas.models import ArmAnswer, ModelAnswer, StatusAnswer
from serving.schemas.problems import (
    MEDIA_TYPE,
    NO_KEY,
    NOT_FOUND,
    NOT_READY,
    RATE_LIMITED,
    UNEXPECTED,
    WRONG_METHOD,
    Problem,
    ProblemKind,
)
from serving.service.decision_service import DecisionService

logger = logging.getLogger("thinkgate.http")

_HEADERS: Final = (*SECURITY, NO_CONTENT_ALLOWED)
_KINDS: Final[dict[int, ProblemKind]] = {404: NOT_FOUND, 405: WRONG_METHOD}


def build_api(
    guard: DecisionService,
    limits: RequestLimits,
    is_ready: Callable[[], bool],
    version: str,
    routes: Sequence[Route] = (),
    took: Took | None = None,
) -> App:
    """Build the ASGI application that a worker serves.

    Parameters
    ----------
    guard
        Decides, and knows what is live.
    limits
        Enforced on every call.
    is_ready
        What `/readyz` asks.
    version
        Of thinkgate, for the document.
    routes
        Beside the decisions: outcomes, the journal and whatever else is plugged in.
    took
        Told where the time of each decision went.

    Returns
    -------
    App
        Never raises, and never answers 5xx to bad input.
    """
    every = (*decision_routes(guard, limits, took), *routes)
    # What has an exact path is answered without FastAPI.
    exact = {(route.method, route.path): route.app for route in every if "{" not in route.path}
    behind: Any = build_fastapi(guard, every, is_ready, version)

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await behind(scope, receive, send)
            return
        started = False

        async def watched(event: Event) -> None:
            nonlocal started
            started = True
            await send(event)

        app = exact.get((scope["method"], scope["path"]))
        try:
            if app is not None:
                await app(scope, receive, watched)
            else:
                await behind(scope, receive, with_headers(watched, _HEADERS))
        except Exception as error:
            _log(error)
            if not started:
                problem = Problem(UNEXPECTED, "this is a fault of the server, not of the request; its log says where")
                await answer_problem(problem, receive, send)

    return api


def decision_routes(guard: DecisionService, limits: RequestLimits, took: Took | None = None) -> tuple[Route, ...]:
    """Give the routes that decide."""
    fast = DecisionRoutes(guard, limits, took)
    return (
        Route("POST", "/v1/decisions", fast.decide, DECIDE),
        Route("POST", "/v1/decisions/batch", fast.decide_batch, DECIDE_BATCH),
        Route("POST", "/v1/rewrite", RewriteRoute(guard, limits).rewrite, REWRITE),
    )


def build_fastapi(
    guard: DecisionService, routes: Sequence[Route], is_ready: Callable[[], bool], version: str
) -> FastAPI:
    """Build what stands behind the fast path; complete in itself, so that it can be mounted or measured alone."""
    app = _Documented(title="thinkgate", version=version, description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.texts = tuple(route.text for route in routes)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    for route in routes:
        app.add_api_route(route.path, _answering(route.app), methods=[route.method], **_told(route))
    _add_status_routes(app, guard, is_ready)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        page = docs_page.render(app.openapi())
        return HTMLResponse(page.html, headers={"content-security-policy": page.policy})

    @app.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/docs")

    return app


def _add_status_routes(app: FastAPI, guard: DecisionService, is_ready: Callable[[], bool]) -> None:
    refusals: dict[int | str, dict[str, Any]] = {kind.status: problem_response(kind) for kind in (NO_KEY, RATE_LIMITED)}

    @app.get("/v1/model", tags=["model"], summary="What decides at present", responses=refusals)
    async def model() -> ModelAnswer:
        live = guard.slot.live
        return ModelAnswer(
            bundle_id=live.bundle_id,
            cold_start=live.cold_start,
            policy=live.policy,
            arms=[ArmAnswer(name=arm.name, model=arm.model, effort=arm.effort) for arm in live.arms],
            decisions=guard.stats.decisions,
            fallbacks=guard.stats.fallbacks,
            bundle=dict(live.facts),
        )

    @app.get("/healthz", tags=["status"], summary="Is this process alive?")
    async def healthz() -> StatusAnswer:
        return StatusAnswer(status="ok")

    @app.get(
        "/readyz",
        tags=["status"],
        summary="Should this process get requests?",
        response_model=StatusAnswer,
        responses={503: problem_response(NOT_READY)},
    )
    async def readyz() -> Any:
        if is_ready():
            return StatusAnswer(status="ready")
        return _problem_response(Problem(NOT_READY, "it is starting, or it finishes its last requests and ends"))


class _Documented(FastAPI):
    """FastAPI with the document of the raw routes."""

    texts: tuple[RouteText, ...] = ()

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = complete_document(self, self.texts)
        return self.openapi_schema


class _Raw(Response):
    """Lets FastAPI answer with an ASGI application."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: StarletteScope, receive: StarletteReceive, send: StarletteSend) -> None:
        await self._app(scope, receive, send)


def _answering(app: App) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        return _Raw(app)

    return answer


def _told(route: Route) -> dict[str, Any]:
    name = "".join(char if char.isalnum() else "_" for char in f"{route.method.lower()}{route.path}")
    return {
        "name": name,
        "operation_id": name,
        "tags": [route.text.tag],
        "summary": route.text.summary,
        "description": route.text.description,
        "response_class": Response,
        "responses": route.text.responses,
        "openapi_extra": route.text.extra,
    }


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    kind = _KINDS.get(status, UNEXPECTED)
    detail = f"{request.method} {request.url.path[:200]}: {kind.title.lower()}; /docs lists what there is"
    allow = (error.headers or {}) if isinstance(error, HTTPException) else {}
    return _problem_response(Problem(kind, detail), dict(allow))


def _problem_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    return Response(problem.to_json(), problem.kind.status, headers, MEDIA_TYPE.decode())


def _log(error: Exception) -> None:
    """Log where it broke, never the message: it may quote the prompt."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    logger.error("a call failed: %s in %s, line %s", type(error).__name__, place.name, place.lineno)
