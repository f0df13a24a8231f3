"""JSON codec: strict about fields, forgiving about broken Unicode, and every fault has a pointer and a cure."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.types import ArmEstimate, Message, Request, Usd
from serving.schemas.json_codec import (
    MAX_FAULTS,
    invalid_request,
    locate_fault,
    parse_json,
    read_batch,
    read_request,
    write_batch,
    write_decision,
)
from serving.schemas.models import BatchAnswer, DecisionAnswer
from serving.schemas.problems import INVALID, NOT_JSON, BodyFault, Rejected
from tests.support.fakes import LengthDecider


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'["a\\ud800b"]', ["a\ufffdb"]),
        (b'["a\xed\xa0\x80b"]', ["a\ufffdb"]),
        (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
        (b"\xef\xbb\xbf[1]", [1]),
        (bytearray(b"[1.5]"), [1.5]),
        (b'{"\\udfff":"\\u0000"}', {"\ufffd": "\x00"}),
    ],
)
def test_broken_unicode_is_mended(body: bytes | bytearray, value: object) -> None:
    assert parse_json(body) == value


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"[Infinity]", b'["\\ud800", 1e999]', b"\xff\xfe", b"[" * 5000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected) as caught:
        parse_json(body)
    assert caught.value.problem.kind is NOT_JSON


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        value = parse_json(body)
    except Rejected:
        return
    assert orjson.loads(orjson.dumps(value)) == value


def test_a_full_request_becomes_the_kernels_own() -> None:
    raw = {
        "messages": [{"role": "user", "content": "Hi"}],
        "model": "m",
        "tenant": "t",
        "session_id": "s",
        "task": "maths",
        "deadline_ms": 5,
        "value_of_success_usd": 0.5,
        "max_cost_usd": 0.25,
        "client_effort": "low",
        "tools": [{"type": "function"}, {}],
    }
    assert read_request(raw, 10) == Request(
        (Message("user", "Hi"),), "m", "t", "s", "maths", 5.0, Usd(0.5), Usd(0.25), "low", 2
    )
    assert read_request({"prompt": "Hi", "tools": None}, 10) == Request((Message("user", "Hi"),))


@pytest.mark.parametrize(
    ("raw", "pointer", "words"),
    [
        ({}, "#", "give messages"),
        ([], "#", "must be an object"),
        ({"prompt": "a", "messages": []}, "#/prompt", "not both"),
        ({"prompt": "a", "promt": 1}, "#/promt", "unknown field"),
        ({"prompt": " "}, "#/prompt", ""),
        ({"messages": [{"role": "user", "content": "a"}] * 4}, "#/messages", "newest 3"),
        ({"messages": [{"role": "king", "content": "a"}]}, "#/messages/0/role", "must be"),
        ({"prompt": "a", "client_effort": "huge"}, "#/client_effort", "must be"),
        ({"prompt": "a", "tools": [1]}, "#/tools", "a plain number"),
    ],
)
def test_a_fault_has_a_pointer_and_a_cure(raw: object, pointer: str, words: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_request(raw, 3)
    (fault,) = caught.value.problem.faults
    assert (caught.value.problem.kind, fault.pointer) == (INVALID, pointer)
    assert words in fault.detail


def test_many_faults_are_listed_up_to_a_bound() -> None:
    with pytest.raises(Rejected) as caught:
        read_request({"prompt": "a", **{f"x{number}": 1 for number in range(100)}}, 3)
    assert len(caught.value.problem.faults) == MAX_FAULTS
    assert caught.value.problem.detail.endswith(f"(and {MAX_FAULTS - 1} more)")


def test_the_first_fault_is_the_detail() -> None:
    assert invalid_request((BodyFault("#/a", "leave it out"),)).detail == "a: leave it out"
    assert invalid_request((BodyFault("#", "send more"), BodyFault("#/b", "x"))).detail == "send more (and 1 more)"


def test_a_message_of_the_kernel_becomes_a_pointer() -> None:
    assert locate_fault("messages[2].content[0].text is missing", "messages") == BodyFault(
        "#/messages/2/content/0/text", "is missing"
    )
    assert locate_fault("write something", "prompt") == BodyFault("#/prompt", "write something")


def test_a_batch_is_bounded_and_its_items_are_not_read() -> None:
    assert read_batch({"requests": [7, {}]}, 2) == [7, {}]
    for raw in ({"requests": []}, {"requests": [1, 2, 3]}, {}, 7):
        with pytest.raises(Rejected):
            read_batch(raw, 2)


def test_an_answer_has_the_documented_form() -> None:
    decision = replace(
        LengthDecider().decide(Request((Message("user", "Hi"),))),
        estimates=MappingProxyType({"direct": ArmEstimate(0.8, Usd(float(np.float64(0.5))), 1000.0, 300.0)}),
    )
    written = write_decision(decision)
    answer = DecisionAnswer.model_validate_json(written)
    assert (answer.arm, answer.estimates["direct"].cost_usd) == ("direct", 0.5)
    batch = BatchAnswer.model_validate_json(write_batch([b'{"decision":' + written + b"}"]))
    assert batch.results[0].decision == answer
