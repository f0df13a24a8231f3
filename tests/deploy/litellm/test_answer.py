"""The answer: sets what may be set and nothing else, stands in LiteLLM's metadata, and can be taken back."""

from __future__ import annotations

from typing import Any

import pytest
from thinkgate_litellm.answer import read_answer, write_answer

HEADERS = {
    "x-thinkgate-decision-id": "01J",
    "x-thinkgate-arm": "reasoning",
    "x-thinkgate-effort": "high",
    "x-thinkgate-applied": "high",
    "x-thinkgate-bucket": "use",
    "x-thinkgate-reason": "pays",
    "x-thinkgate-net-usd": "0.12",
    "x-thinkgate-propensity": "0.9",
    "date": "today",
}


def data(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "a secret"}], **more}


def test_a_patch_is_merged_and_what_was_shared_stays() -> None:
    shared = {"kept": 1, "gone": 2}
    call = data(extra_body=shared, temperature=0.1, metadata={"spend_logs_metadata": {"own": 1}})
    patch = {"extra_body": {"gone": None, "new": {"a": 1}}, "temperature": None, "reasoning_effort": "high"}
    served = read_answer(call, patch, HEADERS)
    write_answer(call, served)
    assert (call["extra_body"], call["reasoning_effort"]) == ({"kept": 1, "new": {"a": 1}}, "high")
    assert "temperature" not in call
    assert shared == {"kept": 1, "gone": 2}
    assert call["metadata"]["spend_logs_metadata"] == {"own": 1, "thinkgate": call["metadata"]["thinkgate"]}
    assert call["metadata"]["thinkgate"] == {
        "decision_id": "01J",
        "arm": "reasoning",
        "effort": "high",
        "applied": "high",
        "bucket": "use",
        "propensity": 0.9,
        "reason": "pays",
        "net_usd": 0.12,
    }
    assert served.take_back(call) == data(extra_body=shared, temperature=0.1, metadata=call["metadata"])


@pytest.mark.parametrize("name", ["api_key", "api_base", "messages", "metadata", "litellm_call_id", "mock_response"])
def test_a_patch_sets_no_address_key_or_text(name: str) -> None:
    assert read_answer(data(), {name: "x"}, HEADERS).values == {}


@pytest.mark.parametrize(("merge", "headers"), [([], HEADERS), ("x", HEADERS), ({}, {}), (None, HEADERS)])
def test_what_is_no_answer_is_refused(merge: Any, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not an answer"):
        read_answer(data(), merge, headers)


def test_messages_and_responses_have_metadata_of_litellms_own() -> None:
    call = data(metadata={"user_id": "u"}, litellm_metadata={})
    write_answer(call, read_answer(call, {}, HEADERS))
    assert call["metadata"] == {"user_id": "u"}
    assert call["litellm_metadata"]["thinkgate"]["arm"] == "reasoning"


def test_what_another_callback_changed_since_is_not_taken_back() -> None:
    call = data()
    served = read_answer(call, {"model": "g", "thinking": {"type": "enabled"}, "max_tokens": 9}, HEADERS)
    write_answer(call, served)
    call["max_tokens"] = 5
    back = served.take_back(call)
    assert (served.group, back["model"], back["max_tokens"]) == ("g", "g", 5)
    assert "thinking" not in back
