"""Golden vectors: read back as written, and compared within the tolerance."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.bundle.golden import TOLERANCE, GoldenVector, check_golden, golden_from_json, golden_to_json
from serving.decision.bundle.loader import Bundle
from serving.decision.errors import BundleCorrupt, BundleUnproven
from serving.decision.types import Message, Prediction, Request

EXPECTED = Prediction(
    success=(0.5, 0.75), uplift=(0.25,), uplift_lower=(0.1,), uplift_upper=(0.4,), output_tokens_mean=(100.0, 2000.0),
    latency_mean_ms=(500.0, 9000.0), output_tokens_p95=(300.0, 5000.0), latency_p95_ms=(900.0, 20000.0), support=0.8,
    task_probabilities=(0.3, 0.7),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda facts: facts["vectors"].clear(), "one vector at least"),
        (lambda facts: facts["vectors"][0].update(tools=-1), r"vectors\[0\].tools"),
        (lambda facts: facts["vectors"][0]["messages"][0].update(role="ghost"), r"messages\[0\].role"),
        (lambda facts: facts["vectors"][1]["prediction"].pop("support"), "support is missing"),
        (lambda facts: facts["vectors"][1]["prediction"].update(success=["high"]), "success must be a list of numbers"),
    ],
)
def test_a_broken_golden_vector_names_the_field(folder: Path, change: Callable[[object], object], named: str) -> None:
    facts = json.loads((folder / "golden.json").read_text("utf-8"))
    change(facts)
    with pytest.raises(BundleCorrupt, match=named):
        golden_from_json(json.dumps(facts))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=())), min_size=1, max_size=4))
def test_any_text_survives_in_golden_vectors(bundle: Bundle, texts: list[str]) -> None:
    request = Request(tuple(Message("user", text) for text in texts), tools=3)
    vector = GoldenVector(request, bundle.predict_request(request))
    assert golden_from_json(golden_to_json([vector])) == (vector,)


def test_a_vector_keeps_turns_and_tools_and_nothing_else_of_a_request() -> None:
    messages = (
        Message("system", "Be brief."),
        Message("user", "\ud800?", images=2),
        Message("assistant", "", tool_calls=1),
    )
    full = Request(messages, tools=3, tenant="acme", session_id="s")
    (read,) = golden_from_json(golden_to_json([GoldenVector(full, EXPECTED)]))
    assert read == GoldenVector(Request(messages, tools=3), EXPECTED)


def test_unknown_fields_are_refused() -> None:
    raw = json.loads(golden_to_json([GoldenVector(Request((Message("user", "hi"),)), EXPECTED)]))
    raw["vectors"][0]["prediction"]["mood"] = 1
    with pytest.raises(BundleCorrupt, match=r"golden\.json: vectors\[0\]\.prediction\.mood is not a field"):
        golden_from_json(json.dumps(raw))


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_tolerance_is_absolute_up_to_one_and_relative_above(sign: int) -> None:
    close = replace(
        EXPECTED,
        uplift=(0.25 + 0.9 * sign * TOLERANCE,),
        latency_p95_ms=(900.0, 20000.0 * (1 + 0.9 * sign * TOLERANCE)),
    )
    check_golden(0, EXPECTED, close)
    with pytest.raises(BundleUnproven, match=r"golden vector 4: uplift\[0\] is .*, must be 0\.25: install"):
        check_golden(4, EXPECTED, replace(close, uplift=(0.25 + 1.1 * sign * TOLERANCE,)))
    with pytest.raises(BundleUnproven, match=r"latency_p95_ms\[1\]"):
        check_golden(4, EXPECTED, replace(close, latency_p95_ms=(900.0, 20000.0 * (1 + 1.1 * sign * TOLERANCE))))


def test_nan_is_never_close() -> None:
    with pytest.raises(BundleUnproven, match=r"support\[0\] is nan"):
        check_golden(0, EXPECTED, replace(EXPECTED, support=float("nan")))


def test_another_number_of_values_is_named() -> None:
    with pytest.raises(BundleUnproven, match="success has 3 numbers, not 2"):
        check_golden(0, EXPECTED, replace(EXPECTED, success=(0.5, 0.75, 0.8)))
