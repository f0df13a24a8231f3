"""Tests of the group of a call: its session, else its near-duplicates, else its prompt."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from training.records.groups import call_groups


def chat(*turns: str) -> str:
    roles = ("user", "assistant")
    return json.dumps([{"role": roles[place % 2], "content": turn} for place, turn in enumerate(turns)])


def test_a_given_group_stays_then_the_session_then_the_text_counts() -> None:
    frame = pd.DataFrame(
        {
            "prompt": ["Ticket 1: my card fails", "Ticket 2: my card fails", "Ticket 3: my card fails", "Bye now, all"],
            "group": ["mine", None, None, None],
            "session_id": ["s", "s", "s", None],
        }
    )
    groups = call_groups(frame)
    assert groups[0] == "mine"
    assert groups[1] == groups[2] == "session:s"
    assert groups[3] not in groups[:3]


def test_sessions_of_one_call_are_grouped_by_their_text() -> None:
    frame = pd.DataFrame({"prompt": [f"Ticket {k}: my card fails" for k in range(4)], "session_id": list("abcd")})
    assert len(set(call_groups(frame))) == 1


def test_later_turns_of_a_conversation_that_nobody_named_belong_to_it() -> None:
    first, second = "Where is the parcel that I sent on Monday?", "Which of these invoices is still open?"
    frame = pd.DataFrame(
        {"messages": [chat(first), chat(first, "Lost.", "And now?"), chat(second), chat(second, "Both.", "Really?")]}
    )
    groups = call_groups(frame)
    assert groups[0] == groups[1] != groups[2] == groups[3]


def test_a_greeting_does_not_join_conversations() -> None:
    frame = pd.DataFrame(
        {"messages": [chat("Hi", "Hello", "Is my card blocked?"), chat("Hi", "Hello", "Reset my PIN")]}
    )
    assert len(set(call_groups(frame))) == 2


@given(st.permutations(range(12)))
def test_names_do_not_depend_on_the_order_of_the_rows(order: list[int]) -> None:
    frame = pd.DataFrame(
        {
            "prompt": [f"Ticket {k}: why was my {'card' if k % 3 else 'loan'} refused?" for k in range(12)],
            "session_id": ["s" if k in (4, 9) else None for k in range(12)],
            "timestamp": [float(k // 2) for k in range(12)],
        }
    )
    names = call_groups(frame)
    assert call_groups(frame.iloc[order].reset_index(drop=True)).tolist() == names[order].tolist()


def test_a_cluster_keeps_its_name_when_later_calls_join_it() -> None:
    text = "Please tell me why the payment of our yearly invoice to your office was refused by the bank{} again"
    frame = pd.DataFrame(
        {"prompt": [text.format(word) for word in ("", " today", " now")], "timestamp": [1.0, 2.0, 3.0]}
    )
    assert call_groups(frame.iloc[:1])[0] == call_groups(frame)[2]


def test_every_row_has_a_group_whatever_is_missing() -> None:
    frame = pd.DataFrame(
        {"prompt": ["", None, "x"], "messages": [None, "not json", None], "session_id": [None, "", None]}
    )
    assert not pd.isna(call_groups(frame)).any()
    assert call_groups(pd.DataFrame({"prompt": np.array([], object)})).tolist() == []
