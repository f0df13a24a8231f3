"""Decision records: what they hold, that their JSON keeps every bit, and that its format does not change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.decision.errors import BadInput
from serving.decision.selection.decision_record import DecisionRecord, RequestContext, context_of
from serving.decision.selection.runtime_state import ArmHealth, RuntimeState, Session
from serving.decision.types import EffortHistory, Message, Prediction, Request
from tests.support.policy_cases import ask, engine

RECORD = DecisionRecord(
    decision_id="0000000000000000000000000A",
    bundle_id="b",
    now=1790000000.5,
    context=RequestContext(tenant="t", tool_loop=True),
    runtime_state=RuntimeState(
        input_tokens=7,
        session=Session("low", "medium", 12),
        health={"high": ArmHealth(shed=True, why="timeouts")},
        headers={"x-a": "b"},
        uniform=0.25,
    ),
    prediction=Prediction((0.5, 0.75), (0.25,), (0.0,), (0.5,), (1.0, 2.0), (2.0, 4.0), (3.0, 6.0), (6.0, 12.0), 0.9),
    prior_weight=0.0,
    cold_start=False,
    policy="default@0",
)
JOURNALLED = (
    b'{"decision_id":"0000000000000000000000000A","bundle_id":"b","now":1790000000.5,'
    b'"context":{"model":null,"tenant":"t","session_id":null,"task":null,"deadline_ms":null,'
    b'"value_of_success_usd":null,"max_cost_usd":null,"client_effort":null,"tool_loop":true,"follow_up":false},'
    b'"situation":{"input_tokens":7,"cost_multiplier":0.0,'
    b'"session":{"arm":"low","effort":"medium","cached_tokens":12,"open_tool_loop":false},'
    b'"health":{"high":{"latency_factor":1.0,"tokens_factor":1.0,"success_shift":0.0,"expected_retries":null,'
    b'"shed":true,"why":"timeouts"}},"task_shifts":{},"headers":{"x-a":"b"},"uniform":0.25,"explore":true},'
    b'"prediction":{"success":[0.5,0.75],"uplift":[0.25],"uplift_lower":[0.0],"uplift_upper":[0.5],'
    b'"output_tokens_mean":[1.0,2.0],"output_tokens_p95":[2.0,4.0],"latency_mean_ms":[3.0,6.0],'
    b'"latency_p95_ms":[6.0,12.0],"support":0.9,"task_probabilities":[]},'
    b'"prior_weight":0.0,"cold_start":false,"policy":"default@0"}'
)
"""The format of every journal since the first release: keys, their order and the key `situation` are fixed."""


def test_the_journal_format_does_not_change() -> None:
    assert RECORD.to_json() == JOURNALLED
    assert DecisionRecord.from_json(JOURNALLED) == RECORD


def test_later_fields_are_written_only_where_they_say_something() -> None:
    session = Session("low", "medium", 12, cache_kept_by=())
    later = replace(
        RECORD,
        context=replace(RECORD.context, client_default=True),
        runtime_state=replace(RECORD.runtime_state, session=session),
    )
    text = later.to_json()
    assert b'"client_default":true' in text
    assert DecisionRecord.from_json(text) == later
    session = Session("low", cache_kept_by=("low",), effort_history=EffortHistory("low", ((2, "high"),)))
    named = replace(later, runtime_state=replace(later.runtime_state, session=session))
    assert DecisionRecord.from_json(named.to_json()).runtime_state.session == session


def test_the_record_holds_no_word_of_the_prompt() -> None:
    decided = engine().decide_recorded(ask("my password is hunter2"))
    assert decided.record is not None
    assert b"hunter2" not in decided.record.to_json()
    assert "hunter2" not in str(decided.decision)


def test_a_record_with_everything_in_it_survives_its_journal_row() -> None:
    runtime_state = RuntimeState(
        input_tokens=77,
        cost_multiplier=0.1 + 0.2,
        session=Session("low", "medium", 12, open_tool_loop=True),
        health={"high": ArmHealth(1.1, 1.2, -0.1, 0.3, True, "timeouts")},
        headers={"x-a": "b"},
        uniform=1 / 3,
    )
    record = engine().record(ask(tenant="t", task="maths", client_effort="low", deadline_ms=3.0), runtime_state)
    assert record.runtime_state == runtime_state
    assert DecisionRecord.from_json(record.to_json()) == record
    assert DecisionRecord.from_json(record.to_json().decode()) == record


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", '{"situation": {}}', '{"situation": {"session": null}}'])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="not a decision record"):
        DecisionRecord.from_json(text)


def test_a_record_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(BadInput, match="unexpected keyword argument 'later'"):
        DecisionRecord.from_json(JOURNALLED.replace(b'"cold_start"', b'"later":1,"cold_start"'))


def test_the_context_prefers_the_task_that_the_request_states() -> None:
    assert context_of(ask(task="maths"), task="code").task == "maths"
    assert context_of(ask(), task="code").task == "code"
    assert context_of(ask()).task is None


def test_the_context_marks_tool_loops_and_follow_ups() -> None:
    turns = (Message("user", "q"), Message("assistant", "a"), Message("user", "yes"))
    assert (context_of(Request(turns)).follow_up, context_of(Request(turns)).tool_loop) == (True, False)
    assert context_of(Request((*turns, Message("assistant", "", tool_calls=1)))).tool_loop
