"""Clients of the HTTP and the gRPC API behind one interface: what holds of one must hold of the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
import httpx
from google.protobuf.json_format import MessageToDict

from serving.grpc_api.servicers import PROBLEM_TRAILER
from serving.proto.thinkgate.v1 import decision_pb2 as pb
from serving.proto.thinkgate.v1.outcome_pb2 import Outcome, ReportRequest, ReportResponse
from tests.support.servers import Running

Json = dict[str, Any]
GARBAGE = b"\xff\xff\xff\xff not a message"
SCALARS = ("prompt", "model", "tenant", "session_id", "task", "deadline_ms", "value_of_success_usd", "max_cost_usd")


@dataclass(frozen=True)
class ApiAnswer:
    """What the server answered: a decision, a problem, or a batch's answers."""

    decision: Json | None = None
    problem: Json | None = None
    accepted: int | None = None
    results: tuple[ApiAnswer, ...] = field(default=())


class ApiClient(Protocol):
    """Asks one of the APIs."""

    def decide(self, request: Json, headers: Mapping[str, str] = {}) -> ApiAnswer: ...

    def decide_batch(self, requests: list[Json]) -> ApiAnswer: ...

    def report(self, outcomes: list[Json]) -> ApiAnswer: ...

    def garbage(self) -> ApiAnswer: ...


class HttpApiClient:
    """Asks in JSON."""

    def __init__(self, running: Running) -> None:
        self._client = httpx.Client(base_url=running.url, timeout=30)

    def decide(self, request: Json, headers: Mapping[str, str] = {}) -> ApiAnswer:
        return _read(self._client.post("/v1/decisions", json=request, headers=dict(headers)))

    def decide_batch(self, requests: list[Json]) -> ApiAnswer:
        answer = self._client.post("/v1/decisions/batch", json={"requests": requests})
        if answer.status_code != 200:
            return _read(answer)
        return ApiAnswer(
            results=tuple(ApiAnswer(item.get("decision"), item.get("problem")) for item in answer.json()["results"])
        )

    def report(self, outcomes: list[Json]) -> ApiAnswer:
        answer = self._client.post("/v1/outcomes", json=outcomes)
        return ApiAnswer(accepted=answer.json()["accepted"]) if answer.status_code == 200 else _read(answer)

    def garbage(self) -> ApiAnswer:
        return _read(self._client.post("/v1/decisions", content=GARBAGE, headers={"content-type": "application/json"}))

    def close(self) -> None:
        self._client.close()


class GrpcApiClient:
    """Asks in protobuf."""

    def __init__(self, running: Running) -> None:
        self._channel = grpc.insecure_channel(grpc_address(running))
        self._decide = self._channel.unary_unary("/thinkgate.v1.DecisionService/Decide")
        self._batch = self._channel.unary_unary("/thinkgate.v1.DecisionService/DecideBatch")
        self._report = self._channel.unary_unary("/thinkgate.v1.OutcomeService/Report")

    def decide(self, request: Json, headers: Mapping[str, str] = {}) -> ApiAnswer:
        message = to_proto(request)
        message.headers.update(headers)
        return self._ask(message.SerializeToString())

    def decide_batch(self, requests: list[Json]) -> ApiAnswer:
        message = pb.DecideBatchRequest(requests=[to_proto(request) for request in requests])
        try:
            answer = pb.DecideBatchResponse.FromString(self._batch(message.SerializeToString(), timeout=30))
        except grpc.RpcError as error:
            return ApiAnswer(problem=problem_of(error))
        return ApiAnswer(results=tuple(_result(item) for item in answer.results))

    def report(self, outcomes: list[Json]) -> ApiAnswer:
        message = ReportRequest(outcomes=[Outcome(**outcome) for outcome in outcomes])
        try:
            answer = self._report(message.SerializeToString(), timeout=30)
        except grpc.RpcError as error:
            return ApiAnswer(problem=problem_of(error))
        return ApiAnswer(accepted=ReportResponse.FromString(answer).accepted)

    def garbage(self) -> ApiAnswer:
        return self._ask(GARBAGE)

    def close(self) -> None:
        self._channel.close()

    def _ask(self, raw: bytes) -> ApiAnswer:
        try:
            return ApiAnswer(to_json(pb.DecideResponse.FromString(self._decide(raw, timeout=30))))
        except grpc.RpcError as error:
            return ApiAnswer(problem=problem_of(error))


def grpc_address(running: Running) -> str:
    found = re.search(r"gRPC at (\S+?)(?:,|$)", running.announcement)
    assert found, running.announcement
    return found[1]


def to_proto(request: Json) -> pb.DecideRequest:
    """Write a JSON request in protobuf."""
    message = pb.DecideRequest(**{name: request[name] for name in SCALARS if name in request})
    if "client_effort" in request:
        message.client_effort = request["client_effort"]
    message.tools = request.get("tools", 0)
    for turn in request.get("messages", ()):
        content = turn["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        message.messages.add(
            role=turn["role"],
            text="\n".join(part["text"] for part in parts if part["type"] == "text"),
            images=sum(part["type"] != "text" for part in parts),
            tool_calls=len(turn.get("tool_calls", ())),
        )
    return message


def to_json(answer: pb.DecideResponse) -> Json:
    """Write an answer as HTTP does."""
    members: Json = MessageToDict(answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    members["fallback"] = answer.fallback or None
    members["elapsed_us"] = int(members["elapsed_us"])
    members["caps"] = {name: int(value) for name, value in members["caps"].items()}
    return members


def problem_of(error: grpc.RpcError) -> Json:
    """Read the problem in a status's trailer."""
    trailers = dict(error.trailing_metadata() or ())
    assert PROBLEM_TRAILER in trailers, error
    problem = pb.Problem.FromString(trailers[PROBLEM_TRAILER])
    assert error.details() == problem.detail
    return _problem(problem)


def _result(item: pb.DecideResult) -> ApiAnswer:
    if item.WhichOneof("result") == "problem":
        return ApiAnswer(problem=_problem(item.problem))
    return ApiAnswer(to_json(item.decision))


def _problem(problem: pb.Problem) -> Json:
    members: Json = MessageToDict(problem, preserving_proto_field_name=True)
    return members


def _read(answer: httpx.Response) -> ApiAnswer:
    assert answer.status_code < 500, answer.text
    return ApiAnswer(answer.json()) if answer.status_code == 200 else ApiAnswer(problem=answer.json())
