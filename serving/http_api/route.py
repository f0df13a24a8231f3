"""One route of the HTTP API as a value: the ASGI application that answers it, and its OpenAPI description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from serving.http_api.asgi import App

Method = Literal["GET", "POST", "PUT", "DELETE"]


@dataclass(frozen=True, slots=True)
class RouteText:
    """The OpenAPI description of one route.

    Parameters
    ----------
    responses, extra
        In the form that FastAPI's route decorators take: `responses` and `openapi_extra`.
    tag
        Group that it is shown in.
    reads, writes
        Models that bodies are made of; they join the document's schemas.
    """

    summary: str
    description: str
    responses: dict[int | str, dict[str, Any]]
    extra: dict[str, Any]
    tag: str = "decisions"
    reads: Sequence[type[BaseModel]] = ()
    writes: Sequence[type[BaseModel]] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One method at one path.

    Parameters
    ----------
    path
        Exact, which is fast; or with `{names}`, which FastAPI matches and puts into `scope["path_params"]`.
    app
        Raw ASGI application: reads the body and answers, problems included.
    """

    method: Method
    path: str
    app: App
    text: RouteText
