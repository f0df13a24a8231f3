"""The HTTP route that makes the previous bundle live again, in every worker."""

from __future__ import annotations

from typing import Annotated, Final

import orjson
from pydantic import Field

from serving.http_api.asgi import Receive, Scope, Send, answer_errors, answer_json
from serving.http_api.docs import responses
from serving.http_api.route import Route, RouteText
from serving.model import ModelLifecycle
from serving.schemas import FORBIDDEN, NO_KEY, NOTHING_BEFORE, RATE_LIMITED, Problem, Rejected, WireModel


class RollbackAnswer(WireModel):
    """The previous bundle is live again."""

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


def rollback_route(lifecycle: ModelLifecycle) -> Route:
    """Give the route `POST /v1/model/rollback`."""

    async def roll_back(_scope: Scope, _receive: Receive, send: Send) -> None:
        notice = lifecycle.roll_back()
        if notice is None:
            detail = "no other bundle was live before in this process: move the registry's alias, or copy a bundle in"
            raise Rejected(Problem(NOTHING_BEFORE, detail))
        await answer_json(send, orjson.dumps({"bundle_id": notice.chosen, "left": notice.left}))

    return Route("POST", "/v1/model/rollback", answer_errors(roll_back), ROLL_BACK)
