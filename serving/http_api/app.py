"""The HTTP API as one ASGI application: raw routes by exact path, all others and the API document on FastAPI."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive as StarletteReceive
from starlette.types import Scope as StarletteScope
from starlette.types import Send as StarletteSend

from serving.decision.providers import capabilities_version
from serving.http_api.asgi import SECURITY_HEADERS, App, Event, Receive, Scope, Send, answer_problem, with_headers
from serving.http_api.decisions import DecisionRoutes, StageTimer
from serving.http_api.docs import DESCRIPTION, complete_document, problem_responses, render
from serving.http_api.model_calls import answer_model_call, is_model_call
from serving.http_api.rewrite import RewriteRoute
from serving.http_api.route import Route, RouteText
from serving.http_api.webhooks import PlanoRoute, PortkeyRoute
from serving.schemas import (
    MEDIA_TYPE,
    NO_KEY,
    NOT_FOUND,
    NOT_READY,
    RATE_LIMITED,
    UNEXPECTED,
    WRONG_METHOD,
    ArmAnswer,
    ModelAnswer,
    Problem,
    ProblemKind,
    RequestLimits,
    StatusAnswer,
)
from serving.service import SERVER_FAULT, DecisionService, error_location

logger = logging.getLogger("thinkgate.http")

_KINDS: Final[dict[int, ProblemKind]] = {404: NOT_FOUND, 405: WRONG_METHOD}


def build_api(
    decision_service: DecisionService,
    limits: RequestLimits,
    is_ready: Callable[[], bool],
    version: str,
    routes: Sequence[Route] = (),
    stage_timer: StageTimer | None = None,
) -> App:
    """Build the ASGI application that a worker serves.

    Parameters
    ----------
    decision_service
        Makes the decisions, and knows what is live.
    limits
        Enforced on every call.
    is_ready
        Answers `/readyz`.
    version
        Of thinkgate, for the API document.
    routes
        Further routes beside decisions and rewrite: outcomes, the journal and others.
    stage_timer
        Called after each single decision; None where nobody measures.

    Returns
    -------
    App
        Never raises, and never answers 5xx to bad input.
    """
    all_routes = (*decision_routes(decision_service, limits, stage_timer), *routes)
    # Exact paths are answered without FastAPI, which costs more than a decision.
    exact = {(route.method, route.path): route.app for route in all_routes if "{" not in route.path}
    fastapi_app: Any = build_fastapi(decision_service, all_routes, is_ready, version)

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await fastapi_app(scope, receive, send)
            return
        started = False

        async def send_noting_start(event: Event) -> None:
            nonlocal started
            started = True
            await send(event)

        app = exact.get((scope["method"], scope["path"]))
        try:
            if app is not None:
                await app(scope, receive, send_noting_start)
            elif is_model_call(scope["path"]):
                await answer_model_call(scope, receive, send_noting_start)
            else:
                await fastapi_app(scope, receive, with_headers(send_noting_start, SECURITY_HEADERS))
        except Exception as error:
            logger.error("a call failed: %s", error_location(error))
            if not started:
                await answer_problem(SERVER_FAULT, receive, send)

    return api


def decision_routes(
    decision_service: DecisionService, limits: RequestLimits, stage_timer: StageTimer | None = None
) -> tuple[Route, ...]:
    """Give the routes that decide: decisions, batches, rewrite and the webhooks of gateways."""
    return (
        *DecisionRoutes(decision_service, limits, stage_timer).routes,
        RewriteRoute(decision_service, limits).route,
        PortkeyRoute(decision_service, limits).route,
        PlanoRoute(decision_service, limits).route,
    )


def build_fastapi(
    decision_service: DecisionService, routes: Sequence[Route], is_ready: Callable[[], bool], version: str
) -> FastAPI:
    """Build the FastAPI application: all routes, the status routes and the API document; complete on its own."""
    app = _DocumentedFastAPI(title="thinkgate", version=version, description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.texts = tuple(route.text for route in routes)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(Exception, _answer_fault)
    for route in routes:
        app.add_api_route(route.path, _endpoint(route.app), methods=[route.method], **_route_options(route))
    _add_status_routes(app, decision_service, is_ready)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        page = render(app.openapi())
        return HTMLResponse(page.html, headers={"content-security-policy": page.policy})

    @app.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/docs")

    return app


def _add_status_routes(app: FastAPI, decision_service: DecisionService, is_ready: Callable[[], bool]) -> None:
    @app.get(
        "/v1/model",
        tags=["model"],
        summary="What decides at present",
        responses=problem_responses((NO_KEY, RATE_LIMITED)),
    )
    async def model() -> ModelAnswer:
        live = decision_service.slot.live
        return ModelAnswer(
            bundle_id=live.bundle_id,
            cold_start=live.cold_start,
            policy=live.policy,
            capabilities=capabilities_version(),
            arms=[ArmAnswer(name=arm.name, model=arm.model, effort=arm.effort) for arm in live.arms],
            decisions=decision_service.stats.decisions,
            fallbacks=decision_service.stats.fallbacks,
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
        responses=problem_responses((NOT_READY,)),
    )
    async def readyz() -> Any:
        if is_ready():
            return StatusAnswer(status="ready")
        return _problem_response(Problem(NOT_READY, "it is starting, or it finishes its last requests and ends"))


class _DocumentedFastAPI(FastAPI):
    """FastAPI whose document also describes the raw routes."""

    texts: tuple[RouteText, ...] = ()

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = complete_document(self, self.texts)
        return self.openapi_schema


class _AsgiResponse(Response):
    """Lets FastAPI answer with an ASGI application."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: StarletteScope, receive: StarletteReceive, send: StarletteSend) -> None:
        await self._app(scope, receive, send)


def _endpoint(app: App) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        return _AsgiResponse(app)

    return answer


def _route_options(route: Route) -> dict[str, Any]:
    """Give the arguments of `add_api_route` that describe a route in the document."""
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


async def _answer_fault(_request: Request, _error: Exception) -> Response:
    return _problem_response(SERVER_FAULT)


def _problem_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    return Response(problem.to_json(), problem.kind.status, headers, MEDIA_TYPE.decode())
