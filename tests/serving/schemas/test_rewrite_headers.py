"""Rewrite headers: what was decided, in lower-case names and printable ASCII."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serving.decision.providers.request_body import parse_body
from serving.decision.providers.rewrite import Rewrite, apply_decision
from serving.decision.types import Decision
from serving.schemas.rewrite_headers import HEADER_PREFIX, decision_headers, proxy_headers
from tests.support.fakes import LengthDecider

BODY: dict[str, Any] = {"model": "gpt-5.1", "messages": [{"role": "user", "content": "x" * 300}]}
READING = parse_body(BODY, None, model=None)
DECISION = LengthDecider().decide(READING.request)


def headers(decision: Decision = DECISION, **changes: Any) -> dict[str, str]:
    done: Rewrite = replace(apply_decision(BODY, READING, decision), **changes)
    found = decision_headers(READING, decision, done)
    assert len(dict(found)) == len(found)
    return {name.decode("ascii"): value.decode("ascii") for name, value in found}


def test_the_decision_stands_in_headers() -> None:
    found = headers()
    assert all(name.startswith(HEADER_PREFIX) and name == name.lower() for name in found)
    expected = {"arm": "reasoning", "effort": "high", "applied": "high", "bucket": "use", "model": "gpt-5.1"}
    assert expected.items() <= {name.removeprefix(HEADER_PREFIX): value for name, value in found.items()}.items()
    assert found["x-thinkgate-decision-id"] == DECISION.decision_id
    assert found["x-thinkgate-max-total-ms"] == "30000"
    assert found["x-thinkgate-propensity"] == "1"
    assert found["x-thinkgate-fallback"] == "none"


def test_a_body_that_names_no_effort_is_unchanged_and_empty_values_are_left_out() -> None:
    found = headers(effort=None, note="")
    assert found["x-thinkgate-applied"] == "unchanged"
    assert "x-thinkgate-note" not in found
    assert headers(note="the model takes no effort")["x-thinkgate-note"] == "the model takes no effort"


def test_a_fallback_is_named() -> None:
    assert headers(replace(DECISION, fallback="baseline"))["x-thinkgate-fallback"] == "baseline"


def test_propensities_keep_six_digits() -> None:
    assert headers(replace(DECISION, propensity=1 / 3))["x-thinkgate-propensity"] == "0.333333"
    assert headers(replace(DECISION, propensity=1e-7))["x-thinkgate-propensity"] == "1e-07"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\r\nx-evil: 1", "a??x-evil: 1"), ("größe", "gr??e"), ("\ud800", "?"), ("tab\there", "tab?here")],
)
def test_no_value_can_break_a_header(name: str, shown: str) -> None:
    assert headers(replace(DECISION, arm=name))["x-thinkgate-arm"] == shown


def test_a_proxys_headers_say_more() -> None:
    done = replace(apply_decision(BODY, READING, DECISION), not_applied="client", asked_effort=None)
    found = dict(proxy_headers(READING, DECISION, done, -0.25))
    assert set(decision_headers(READING, DECISION, done)) <= set(found.items())
    assert found[b"x-thinkgate-reason"] == DECISION.reason.encode()
    assert (found[b"x-thinkgate-net-usd"], found[b"x-thinkgate-not-applied"]) == (b"-0.25", b"client")
    assert b"x-thinkgate-asked-effort" not in found
    assert b"x-thinkgate-net-usd" not in dict(proxy_headers(READING, DECISION, done, None))
