"""Wire models: strict types, closed objects, and a JSON schema that says what validation does."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from serving.schemas.models import MAX_NAME, BatchItemAnswer, BatchRequest, DecisionRequest, ModelAnswer, WireModel

CHAT = [{"role": "user", "content": "Hi"}]


def test_no_value_is_converted() -> None:
    for field, value in (("deadline_ms", "9"), ("deadline_ms", True), ("tenant", 7), ("tools", 1.0)):
        with pytest.raises(ValidationError, match=field):
            DecisionRequest.model_validate({"prompt": "a", field: value})
    assert DecisionRequest.model_validate({"prompt": "a", "deadline_ms": 9}).deadline_ms == 9.0


def test_unknown_fields_are_refused_and_values_are_frozen() -> None:
    with pytest.raises(ValidationError, match="promt"):
        DecisionRequest.model_validate({"promt": "a"})
    request = DecisionRequest(prompt="a")
    with pytest.raises(ValidationError, match="frozen"):
        request.prompt = "b"


@pytest.mark.parametrize(
    ("tools", "count"), [(None, None), (3, 3), ([], 0), ([{"type": "function"}, {}], 2), (100_000, 100_000)]
)
def test_tools_are_counted(tools: object, count: int | None) -> None:
    assert DecisionRequest.model_validate({"prompt": "a", "tools": tools}).tools == count


@pytest.mark.parametrize(
    "field",
    [
        {"tenant": "t" * (MAX_NAME + 1)},
        {"deadline_ms": 0},
        {"deadline_ms": float("inf")},
        {"max_cost_usd": -0.01},
        {"max_cost_usd": float("nan")},
        {"value_of_success_usd": 1e10},
        {"client_effort": "huge"},
        {"tools": 100_001},
        {"tools": [1]},
    ],
)
def test_values_out_of_range_are_refused(field: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DecisionRequest.model_validate({"prompt": "a", **field})


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({"prompt": "a"}, True),
        ({"messages": CHAT}, True),
        ({"messages": CHAT, "prompt": None, "tools": 2, "client_effort": "low"}, True),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, True),
        ({}, False),
        ({"prompt": "a", "messages": CHAT}, False),
        ({"prompt": " "}, False),
        ({"messages": []}, False),
        ({"messages": [{"role": "king", "content": "a"}]}, False),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, False),
        ({"prompt": "a", "unknown": 1}, False),
    ],
)
def test_the_json_schema_says_what_is_accepted(body: dict[str, Any], good: bool) -> None:
    validator = jsonschema.Draft202012Validator(DecisionRequest.model_json_schema())
    assert validator.is_valid(body) is good


def test_a_batch_holds_one_request_at_least_and_does_not_check_them() -> None:
    for requests in ([], None, {}):
        with pytest.raises(ValidationError):
            BatchRequest.model_validate({"requests": requests})
    assert BatchRequest.model_validate({"requests": [7, {}]}).requests == [7, {}]


def test_every_model_of_the_api_is_strict_and_closed() -> None:
    for model in (BatchItemAnswer, ModelAnswer, *WireModel.__subclasses__()):
        config = model.model_config
        assert (config["strict"], config["extra"], config["frozen"]) == (True, "forbid", True)
