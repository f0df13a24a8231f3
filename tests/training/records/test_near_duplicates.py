"""Tests of clusters of near-duplicate texts: copies join, questions stay apart, in any order of the texts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.records.near_duplicates import mask, near_duplicates, text_key

QUESTIONS = (
    "How do I reset the password of my account when the e-mail never arrives?",
    "Which invoice did we pay twice last month, and who approved it?",
    "Please summarise the discussion about the new roof of the warehouse.",
    "Translate the following sentence into French: the meeting was moved to Monday.",
    "My parcel was left at the neighbour's door and now it has gone.",
    "What is the capital of France?",
    "What is the capital of Spain?",
    "What is 12 + 34?",
    "What is 12 + 35?",
    "东京今天的天气怎么样，需要带伞吗？",
)
NUMBERED = (
    "Ticket {}: {}", "{1} (ticket {0})", "[{}] {}", "{1} #{0}", "({}) {}", "{}. {}", "{1} [{0}]", "Case no. {} - {}",
    "2026-11-{} {}", "ref INC-00{} {}", "{1} (copy {0})",
)  # fmt: skip


@pytest.mark.parametrize("form", NUMBERED)
def test_copies_with_other_numbers_share_a_cluster_and_questions_do_not(form: str) -> None:
    texts = [form.format(number, question) for question in QUESTIONS for number in (11, 12, 24, 27)]
    cluster = near_duplicates(texts).reshape(len(QUESTIONS), 4)
    assert (cluster == cluster[:, :1]).all()
    assert len(set(cluster[:, 0])) == len(QUESTIONS)


def test_names_addresses_and_ids_are_masked() -> None:
    first = (
        "Dear Mrs. Miller, order 55-3 of ann@shop.example (b3f1c2d4-aaaa-bbbb-cccc-0123456789ab) is late. Regards, Tom"
    )
    second = "Dear Dr. Okonkwo, order 17 of joe@mail.test (00f1c2d4-aaaa-bbbb-cccc-0123456789ff) is late. Regards, Ada"
    assert mask(first) == mask(second)
    assert text_key(first) == text_key(second)


def test_a_few_other_words_in_a_long_text_are_near() -> None:
    words = [f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(60)]
    other = [*words[:20], "typo", *words[21:]]
    strange = [word[::-1] for word in words]
    cluster = near_duplicates([" ".join(words), " ".join(other), " ".join(strange)])
    assert cluster.tolist() == [0, 0, 1]


def test_questions_in_one_long_template_are_different_questions() -> None:
    rng = np.random.default_rng(0)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    template = (
        "You are a careful assistant. Read the text below with care, think step by step, and answer in one word. " * 3
    )
    texts = [template + " ".join("".join(rng.choice(letters, 5)) for _ in range(12)) for _ in range(200)]
    assert len(set(near_duplicates(texts).tolist())) == 200


@given(st.lists(st.sampled_from(range(30)), min_size=2, max_size=40, unique=True), st.randoms(use_true_random=False))
def test_the_partition_does_not_depend_on_the_order(chosen: list[int], random: object) -> None:
    texts = [f"{QUESTIONS[index % 10]} (ticket {index})" for index in chosen]
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    before = near_duplicates(texts)
    after = np.empty_like(before)
    after[order] = near_duplicates([texts[index] for index in order])
    assert ((before[:, None] == before) == (after[:, None] == after)).all()


def test_the_pairs_that_are_compared_grow_with_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs: list[int] = []
    joined = np.concatenate

    def counting(parts: list[np.ndarray]) -> np.ndarray:
        made = joined(parts)
        pairs.append(len(made))
        return made

    monkeypatch.setattr("training.records.near_duplicates.np.concatenate", counting)
    rng, words = np.random.default_rng(1), np.array([f"{a}{b}{c}" for a in "klmn" for b in "aeiou" for c in "rstvw"])
    for size in (1_000, 8_000):
        near_duplicates([" ".join(row) for row in rng.choice(words, (size, 14))])
        assert max(pairs) <= 12 * size


def test_no_text_and_odd_texts() -> None:
    assert near_duplicates([]).tolist() == []
    assert near_duplicates(["", "", " ", "\x00", "12"]).tolist()[:3] == [0, 0, 0]
    assert len(near_duplicates(["a" * 100_000, "\ud800 lone"])) == 2
