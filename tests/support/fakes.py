"""Small real deciders, a decision service over them and an ASGI client without a network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from serving.decision.engine import RecordedDecision
from serving.decision.ids import IdSource
from serving.decision.selection.runtime_state import NEUTRAL, RuntimeState
from serving.decision.types import Arm, ArmEstimate, Caps, Decision, Fallback, Request, Usd
from serving.http_api.app import build_api
from serving.http_api.asgi import App, Event
from serving.http_api.route import Route
from serving.model.slot import Decider, EngineSlot, LiveEngine
from serving.schemas.limits import RequestLimits
from serving.service.decision_service import DecisionService
from serving.service.ports import DecisionSink, RuntimeStateSource

ARMS = (Arm("direct", "gpt-5.1"), Arm("reasoning", "gpt-5.1", "high", default_output_tokens=2500.0))
JSON = (("content-type", "application/json"),)


class _PlainDecider:
    """Adds `decide_recorded`, as the slot wants it, to `decide`; there is no record."""

    def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
        raise NotImplementedError

    def decide_recorded(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> RecordedDecision:
        return RecordedDecision(self.decide(request, runtime_state), None)


class LengthDecider(_PlainDecider):
    """Decides by the length of the conversation: long ones reason."""

    def __init__(self, bundle_id: str = "fake") -> None:
        self.bundle_id = bundle_id
        self.seen: list[Request] = []

    def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
        self.seen = [*self.seen[-7:], request]
        arm = ARMS[sum(len(message.text) for message in request.messages) > 200]
        estimates = {each.name: ArmEstimate(0.8, Usd(0.001), 1000.0, each.default_output_tokens) for each in ARMS}
        return Decision(
            decision_id="0" * 26,
            arm=arm.name,
            model=arm.model,
            effort=arm.effort,
            bucket="avoid" if arm is ARMS[0] else "use",
            propensity=1.0,
            reason="by length",
            estimates=estimates,
            caps=Caps(0, 1, 30_000),
            support=0.9,
            fallback=None,
            bundle_id=self.bundle_id,
            policy="default",
            elapsed_us=1,
        )


class BrokenDecider(_PlainDecider):
    """Fails at every request, quoting it."""

    def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
        raise RuntimeError(f"can't stand {request.messages[0].text}")


@dataclass
class Answer:
    """What the server sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Client:
    """Calls an ASGI application without a network."""

    app: App
    taken: int = field(default=0, init=False)
    """Body chunks of the last call that the application read."""

    def post(self, path: str, body: Any, headers: Iterable[tuple[str, str]] = JSON) -> Answer:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.call("POST", path, [content], headers)

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def call(
        self, method: str, path: str, chunks: Iterable[bytes] = (b"",), headers: Iterable[tuple[str, str]] = ()
    ) -> Answer:
        return asyncio.run(self._call(method, path, list(chunks), headers))

    async def _call(self, method: str, path: str, chunks: list[bytes], headers: Iterable[tuple[str, str]]) -> Answer:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path.partition("?")[0],
            "raw_path": path.encode(),
            "query_string": path.partition("?")[2].encode(),
            "root_path": "",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in headers],
        }
        sent: list[Event] = []
        self.taken = 0

        async def receive() -> Event:
            if self.taken >= len(chunks):
                return {"type": "http.disconnect"}
            self.taken += 1
            return {"type": "http.request", "body": chunks[self.taken - 1], "more_body": self.taken < len(chunks)}

        async def send(event: Event) -> None:
            sent.append(event)

        await self.app(scope, receive, send)
        if not sent:
            return Answer(0, {}, b"")
        start = sent[0]
        got: Mapping[str, str] = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], dict(got), b"".join(event.get("body", b"") for event in sent[1:]))


def make_service(
    decider: Decider,
    fallback: Fallback = "baseline",
    prior: Decider | None = None,
    sources: Sequence[RuntimeStateSource] = (),
    sinks: Sequence[DecisionSink] = (),
) -> DecisionService:
    live = LiveEngine(decider, ARMS, "fake", "default", facts={"created": "2026-01-01T00:00:00Z"}, prior=prior)
    ids = IdSource(lambda: 1_700_000_000.0, random.Random(7))
    return DecisionService(EngineSlot(live), fallback, Ticks(), ids, sources, sinks)


def client_of(
    service: DecisionService, limits: RequestLimits | None = None, *, ready: bool = True, routes: Sequence[Route] = ()
) -> Client:
    return Client(build_api(service, limits or RequestLimits(), lambda: ready, "0.1.0", routes))


class Ticks:
    """A monotonic clock in nanoseconds that advances by a microsecond at each reading."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1000
        return self.now
