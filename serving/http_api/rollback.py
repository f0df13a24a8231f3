"""The HTTP route of an admin who wants the model before this one back, now and in every worker."""

from __future__ import annotations

from typing import Annotated, Final

import orjson
from pydantic import Field

from serving.http_api.asgi import Receive, Scope, Send, answer_json, answer_problem
from serving.http_api.docs.openapi import responses
from serving.http_api.route import Route, RouteText
from serving.model.lifecycle import ModelLifecycle
from serving.schemas.models import WireModel
from serving.schemas.problems import FORBIDDEN, NO_KEY, NOTHING_BEFORE, RATE_LIMITED, Problem


class RollbackAnswer(WireModel):
    """The model before is live again."""

    bundle_id: Annotated[str, Field(description="What serves from now on.")]
    left: Annotated[str, Field(description="What served until now; it is not taken up again until the next call.")]


ROLL_BACK: Final = RouteText(
    summary="Serve the bundle before this one again",
    description=(
        "Takes effect at once in the worker that answers, and within about a second in the others. The bundle that was"
        " left is not taken up again by itself: a second call undoes the first. The policy stays as it is."
    ),
    responses=responses(
        RollbackAnswer, {"bundle_id": "b3f1c29d", "left": "77ab10fe"}, (NO_KEY, FORBIDDEN, NOTHING_BEFORE, RATE_LIMITED)
    ),
    extra={},
    tag="model",
    writes=(RollbackAnswer,),
)


class RollbackRoutes:
    """Translates between HTTP and what follows the model's source."""

    def __init__(self, following: ModelLifecycle) -> None:
        self._following = following

    @property
    def routes(self) -> tuple[Route, ...]:
        """Give the route."""
        return (Route("POST", "/v1/model/rollback", self.roll_back, ROLL_BACK),)

    async def roll_back(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/model/rollback`."""
        notice = self._following.roll_back()
        if notice is None:
            detail = "no other bundle was live before in this process: move the registry's alias, or copy a bundle in"
            await answer_problem(Problem(NOTHING_BEFORE, detail), receive, send)
            return
        await answer_json(send, orjson.dumps({"bundle_id": notice.chosen, "left": notice.left}))
