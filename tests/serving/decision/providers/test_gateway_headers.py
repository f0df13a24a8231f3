"""Headers of a gateway: what is read, what is bounded, and what is refused by name."""

from __future__ import annotations

import pytest

from serving.decision.errors import BadRequest
from serving.decision.providers.gateway_headers import GATEWAY_HEADERS, NO_GATEWAY_HEADERS, read_gateway_headers


def test_all_of_them_are_read() -> None:
    values = ["acme", "s1", "maths", "1500", "0.5", "0"]
    read = read_gateway_headers(dict(zip(GATEWAY_HEADERS, values, strict=True)))
    assert (read.tenant, read.session_id, read.task) == ("acme", "s1", "maths")
    assert (read.deadline_ms, read.value_of_success_usd, read.max_cost_usd) == (1500.0, 0.5, 0.0)


def test_other_headers_and_empty_ones_say_nothing() -> None:
    assert read_gateway_headers({"x-request-id": "1", "x-thinkgate-arm": "direct"}) is NO_GATEWAY_HEADERS
    assert read_gateway_headers({"x-thinkgate-tenant": "  ", "x-thinkgate-deadline-ms": ""}) == NO_GATEWAY_HEADERS


def test_text_is_bounded() -> None:
    read = read_gateway_headers({"x-thinkgate-task": "x" * 10_000})
    assert read.task == "x" * 256


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "soon", "1e999"])
def test_numbers_that_are_none_are_refused_by_name(value: str) -> None:
    with pytest.raises(BadRequest, match="x-thinkgate-max-cost-usd must be a number from 0 on"):
        read_gateway_headers({"x-thinkgate-max-cost-usd": value})


def test_a_deadline_of_zero_names_the_cure() -> None:
    with pytest.raises(BadRequest, match="leave it out where there is no deadline"):
        read_gateway_headers({"x-thinkgate-deadline-ms": "0"})
