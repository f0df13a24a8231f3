"""Tables by prompt and arm, and values by prompt."""

from __future__ import annotations

from tests.support.outcome_frames import paired
from training.dataset.aggregation import distinct_prompts


def test_prompts_gives_each_prompt_once() -> None:
    frame = paired(10)
    found = distinct_prompts(frame.iloc[::-1])
    assert found.prompt_ids.tolist() == [f"p{i:03d}" for i in range(9, -1, -1)]
    assert found.requests[0].messages[0].text == "Prompt p009"
    assert found.requests[0].task == "t4"
