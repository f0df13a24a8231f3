"""Features are finite, fixed in number, the same each time, and measure what their names say."""

from __future__ import annotations

import time
from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from serving.decision.features.complexity import FEATURE_NAMES, MAX_CHARS, extract
from serving.decision.types import Message, Request, Role
from tests.support import tiny_models as tiny

ANY_TEXT = st.text(st.characters(), max_size=60) | st.text("01 \n,.()[]{}aA-+*/?`'\"", max_size=200)
MESSAGES = st.lists(
    st.builds(
        Message,
        st.sampled_from(get_args(Role)),
        ANY_TEXT,
        images=st.integers(0, 9),
        tool_calls=st.integers(0, 9),
    ),
    max_size=6,
).map(tuple)


def measure(text: str, *turns: Message, tools: int = 0) -> dict[str, float]:
    """Give the features as counts again."""
    row = extract(tiny.request(text, *turns, tools=tools))
    return {name: round(float(np.expm1(value)), 3) for name, value in zip(FEATURE_NAMES, row, strict=True)}


@settings(max_examples=300, deadline=None)
@given(st.builds(Request, MESSAGES, tools=st.integers(0, 200)))
@example(Request(()))
@example(tiny.request(""))
@example(tiny.request("\ud800"))
@example(tiny.request("9" * 5000))
@example(tiny.request("(" * 5000))
@example(tiny.request("\n" * 5000))
@example(tiny.request("\u00b2\u0665\uff19 \U000e0041"))
def test_features_are_finite_and_fixed_in_number(request: Request) -> None:
    row = extract(request)
    assert row.dtype == np.float32
    assert row.shape == (len(FEATURE_NAMES),)
    assert np.isfinite(row).all()
    assert (row >= 0).all()
    np.testing.assert_array_equal(row, extract(request))


def test_names_are_unique_and_few() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES) <= 120


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("What is 17 * 2300?", {"numbers": 2, "largest_number": 2300, "second_number": 17, "long_numbers": 1}),
        ("7 then 5 then 9", {"first_number": 7, "last_number": 9, "smallest_number": 5, "median_number": 7}),
        ("1 1 1 2", {"numbers": 4, "distinct_numbers": 2, "widest_numbers": 4}),
        ("a+b = c", {"plus": 1, "equals": 1, "spaced_operators": 1}),
        ("one two\nthree", {"words": 3, "lines": 2, "longest_line": 7, "last_line": 5, "longest_word": 5}),
        ("f(x[{1}])", {"depth": 3, "calls": 2}),
        ("Pick:\n- tea\n- milk\n2) wine\nB. beer", {"options": 4}),
        ("```\ncode\n```", {"fences": 2}),
        ("Why? Because. Really?  ", {"question_marks": 2, "asks_at_end": 1}),
        ("1 0 1\n0 1 1\n1 1 1", {"equal_lines": 2, "lines_without_letters": 3, "widest_row": 2, "bits": 9}),
        ("aa\n\nbbbb\n\nc", {"longest_paragraph": 4, "blank_lines": 2}),
        ("Solve it. BERECHNE es. calcula!", {"compute_words": 3}),
        ("You must name exactly three, if any", {"bind_words": 3, "pick_words": 1, "maths_words": 1, "logic_words": 1}),
        ("\u8bf7\u8ba1\u7b97\u7b54\u6848", {"compute_words": 1, "east_asian": 5}),
        ("\u041f\u0440\u0438\u0432\u0435\u0442", {"foreign": 6, "words": 0}),
        ("d\u00e9j\u00e0 vu", {"accents": 2, "words": 2}),
        ("\u201cquoted\u201d \u2013 it\u2019s", {"quotes": 2, "minus": 1, "apostrophes": 1}),
        ("\u2500\u2502 \U0001f600 \u2211", {"boxes": 2, "pictures": 1, "mathematical": 1}),
        ("baaad", {"repeated": 2}),
    ],
)
def test_a_feature_measures_what_its_name_says(text: str, wanted: dict[str, float]) -> None:
    measured = measure(text)
    assert {name: measured[name] for name in wanted} == wanted
    assert measured["chars"] == len(text)


def test_the_rest_of_the_conversation_is_measured_apart() -> None:
    before = measure("Yes, do it.")
    after = measure(
        "Yes, do it.",
        Message("system", "Be kind."),
        Message("user", "Sort 12, 7 and 30.", images=1),
        Message("assistant", "Ascending?", tool_calls=2),
        tools=3,
    )
    conversation = FEATURE_NAMES.index("user_turns")
    assert {name: after[name] for name in FEATURE_NAMES[:conversation]} == {
        name: before[name] for name in FEATURE_NAMES[:conversation]
    }
    wanted = {"user_turns": 2, "assistant_turns": 1, "system_chars": 8, "previous_answer_chars": 10, "rest_numbers": 3}
    wanted |= {"answers_a_question": 1, "rest_question_marks": 1, "tools": 3, "tool_calls": 2, "attachments": 1}
    assert {name: after[name] for name in wanted} == wanted
    assert before["user_turns"] == 1
    assert before["rest_chars"] == 0


def test_an_open_tool_loop_shows() -> None:
    messages = (Message("user", "Go."), Message("assistant", "", tool_calls=1), Message("tool", "done"))
    row = extract(Request(messages))
    assert np.expm1(row[FEATURE_NAMES.index("waits_for_tool")]) == pytest.approx(2)
    assert np.expm1(row[FEATURE_NAMES.index("tool_turns")]) == pytest.approx(1)


def test_the_middle_of_a_long_text_counts_in_its_length_only() -> None:
    head, tail = "a" * (MAX_CHARS // 2), "b" * (MAX_CHARS // 2)
    short, long = measure(head + "7 7 7" + tail), measure(head + "? " * 1000 + tail)
    assert short["numbers"] == long["numbers"] == short["question_marks"] == long["question_marks"] == 0
    assert long["chars"] == pytest.approx(MAX_CHARS + 2000, rel=1e-5)
    assert short["chars"] == pytest.approx(MAX_CHARS + 5, rel=1e-5)


@pytest.mark.parametrize("piece", ["lorem ipsum 12 ", "a", "\u6f22\u00e9 ", "\n", "1", "(", "[[0,1],"])
def test_twenty_million_characters_do_not_take_long(piece: str) -> None:
    request = tiny.request(piece * (20_000_000 // len(piece)))
    start = time.process_time()
    extract(request)
    assert time.process_time() - start < 0.5  # of a few milliseconds
