"""Dialects: golden bodies per provider, and what must hold for any body."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.capabilities import capability
from serving.decision.dialects import rewrite
from serving.decision.errors import BadRequest
from serving.decision.types import EFFORTS

GOLDEN = Path(__file__).parents[2] / "golden" / "dialects"
CASES = [
    pytest.param(golden["api"], case, id=f"{path.stem}-{case['name']}")
    for path in sorted(GOLDEN.glob("*.json"))
    for golden in [json.loads(path.read_text("utf-8"))]
    for case in golden["cases"]
]
MODELS = [
    "gpt-5.1", "gpt-5-mini", "o3", "gpt-4o", "claude-sonnet-4-5", "claude-opus-4-6", "gemini-2.5-flash",
    "gemini-3-pro", "Qwen/Qwen3-8B", "deepseek-ai/DeepSeek-V3.1", "deepseek-chat", "gpt-oss-20b", "llama-4", "gpt-5.2",
]  # fmt: skip
APIS = ["chat", "responses", "messages", "gemini", "openrouter"]
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner))
keys = st.sampled_from(
    [
        "messages",
        "max_tokens",
        "thinking",
        "reasoning",
        "output_config",
        "generationConfig",
        "chat_template_kwargs",
        "x",
    ]
)
bodies = st.dictionaries(keys | st.text(max_size=6), values, max_size=6)


def run(api: str, case: dict[str, Any]) -> Any:
    options = {key: case[key] for key in ("model", "max_reasoning_tokens", "override_client") if key in case}
    return rewrite(case["body"], api, case["effort"], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("api", "case"), CASES)
def test_golden(api: str, case: dict[str, Any]) -> None:
    before = copy.deepcopy(case["body"])
    result = run(api, case)
    assert result.body == case["expect"]
    assert case["body"] == before
    assert apply_merge(before, result.merge) == result.body
    assert apply_patch(before, [op.to_json() for op in result.patch]) == result.body


@given(
    bodies,
    st.sampled_from(APIS),
    st.sampled_from(EFFORTS),
    st.sampled_from(MODELS),
    st.sampled_from(MODELS),
    st.booleans(),
)
def test_any_body(body: dict[str, Any], api: Any, effort: Any, old: str, new: str, override: bool) -> None:
    body = {**body, "model": old}
    once = rewrite(body, api, effort, model=new, override_client=override)
    twice = rewrite(once.body, api, effort, model=new, override_client=override)
    assert twice.body == once.body
    assert not twice.changed
    ours = {
        "model", "reasoning_effort", "reasoning", "thinking", "output_config", "generationConfig",
        "chat_template_kwargs",
        "max_tokens",
    }  # fmt: skip
    assert {k: v for k, v in once.body.items() if k not in ours} == {k: v for k, v in body.items() if k not in ours}
    assert apply_patch(body, [op.to_json() for op in once.patch]) == once.body


@pytest.mark.parametrize("model", MODELS)
def test_clamp_stays_inside_what_the_model_takes(model: str) -> None:
    known = capability(model)
    clamped = [known.clamp(effort) for effort in EFFORTS]
    assert set(clamped) <= set(known.efforts)
    assert [EFFORTS.index(effort) for effort in clamped] == sorted(EFFORTS.index(effort) for effort in clamped)
    if len(known.efforts) > 1:
        assert all(effort != "none" for effort in clamped[1:])


def test_no_model_is_an_error_that_names_the_cure() -> None:
    with pytest.raises(BadRequest, match="send 'model'"):
        rewrite({"messages": []}, "chat", "high")


def apply_merge(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply_merge(result.get(key), value)
    return result


def apply_patch(target: Any, operations: list[dict[str, Any]]) -> Any:
    """The part of RFC 6902 that is used: object members only."""
    result = copy.deepcopy(target)
    for operation in operations:
        *parents, last = [p.replace("~1", "/").replace("~0", "~") for p in operation["path"].split("/")[1:]]
        place = result
        for parent in parents:
            place = place[parent]
        if operation["op"] == "remove":
            del place[last]
        else:
            place[last] = operation["value"]
    return result
