"""Protobuf messages and the kernel's types: what is read, what is written, and how faults are located."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.types import Arm, ArmEstimate, Caps, Decision, Usd
from serving.grpc_api.codec import decision_to_proto, message_reader, problem_to_proto, request_from_proto
from serving.proto.thinkgate.v1 import decision_pb2 as pb
from serving.schemas.json_codec import read_request
from serving.schemas.problems import DENIED, INVALID, BodyFault, Problem, Rejected

USER = pb.Message(role="user", text="Hi")


def test_fields_that_are_not_set_are_not_known() -> None:
    request = request_from_proto(pb.DecideRequest(prompt="Hi"), 5)
    assert [(turn.role, turn.text) for turn in request.messages] == [("user", "Hi")]
    assert (request.model, request.tenant, request.deadline_ms, request.client_effort) == (None, None, None, None)


def test_a_request_is_read_as_the_same_json_is() -> None:
    message = pb.DecideRequest(
        messages=[
            pb.Message(role="developer", text="Be brief."),
            pb.Message(role="user", text="See", images=1),
            pb.Message(role="assistant", tool_calls=2),
            pb.Message(role="function", text="42"),
        ],
        tenant="t",
        session_id="s",
        task="maths",
        model="m",
        deadline_ms=900.5,
        value_of_success_usd=0.5,
        max_cost_usd=0.0,
        client_effort="low",
        tools=3,
    )
    same: dict[str, Any] = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None, "tool_calls": [{}, {}]},
            {"role": "function", "content": "42"},
        ],
        "tenant": "t",
        "session_id": "s",
        "task": "maths",
        "model": "m",
        "deadline_ms": 900.5,
        "value_of_success_usd": 0.5,
        "max_cost_usd": 0.0,
        "client_effort": "low",
        "tools": 3,
    }
    assert request_from_proto(message, 5) == read_request(same, 5)


@pytest.mark.parametrize(
    ("message", "pointer"),
    [
        (pb.DecideRequest(), "#"),
        (pb.DecideRequest(prompt=" "), "#/prompt"),
        (pb.DecideRequest(prompt="a", messages=[USER]), "#/prompt"),
        (pb.DecideRequest(messages=[USER] * 6), "#/messages"),
        (pb.DecideRequest(messages=[USER, pb.Message(role="king")]), "#/messages/1/role"),
        (pb.DecideRequest(messages=[pb.Message(role="user", text="a", images=100_001)]), "#/messages/0/images"),
        (pb.DecideRequest(prompt="a", deadline_ms=float("nan")), "#/deadline_ms"),
    ],
)
def test_a_fault_has_a_pointer(message: pb.DecideRequest, pointer: str) -> None:
    with pytest.raises(Rejected) as refused:
        request_from_proto(message, 5)
    problem = refused.value.problem
    assert problem.kind is INVALID
    assert [fault.pointer for fault in problem.faults] == [pointer]


def test_bytes_that_are_no_message_are_a_problem_that_names_the_type() -> None:
    read = message_reader(pb.DecideRequest)
    assert read(pb.DecideRequest(prompt="Hi").SerializeToString()) == pb.DecideRequest(prompt="Hi")
    problem = read(b"\xff\xff\xff\xff")
    assert isinstance(problem, Problem)
    assert "thinkgate.v1.DecideRequest" in problem.detail


@pytest.mark.parametrize("fallback", [None, "baseline"])
def test_a_decision_is_written_whole(fallback: Any) -> None:
    arm = Arm("direct", "gpt-5.1")
    estimates = {"direct": ArmEstimate(0.5, Usd(0.25), 1500.0, 300.0)}
    decision = Decision(
        "01J", "direct", arm.model, "none", "avoid", 0.75, "why", estimates, Caps(1, 2, 3), 0.5, fallback, "b", "p", 70
    )
    message = decision_to_proto(decision)
    assert (message.decision_id, message.arm, message.model, message.effort) == ("01J", "direct", "gpt-5.1", "none")
    assert (message.bucket, message.propensity, message.support, message.elapsed_us) == ("avoid", 0.75, 0.5, 70)
    assert (message.reason, message.bundle_id, message.policy) == ("why", "b", "p")
    estimate = message.estimates["direct"]
    assert (estimate.success, estimate.cost_usd, estimate.latency_p95_ms, estimate.output_tokens) == (
        0.5,
        0.25,
        1500.0,
        300.0,
    )
    caps = message.caps
    assert (caps.max_reasoning_tokens, caps.max_retries, caps.max_total_ms) == (1, 2, 3)
    assert message.HasField("fallback") is (fallback is not None)


def test_a_problem_is_written_with_its_faults() -> None:
    problem = Problem(DENIED, "no arm", (BodyFault("#/a", "leave it out"),))
    message = problem_to_proto(problem)
    assert (message.type, message.status, message.detail) == ("urn:thinkgate:problem:denied", 403, "no arm")
    assert message.title == DENIED.title
    assert [(fault.pointer, fault.detail) for fault in message.errors] == [("#/a", "leave it out")]
