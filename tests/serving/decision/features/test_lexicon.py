"""The lexicon: each word in one group, every group with words, and words in the form in which they are looked up."""

from __future__ import annotations

import pytest

from serving.decision.features.lexicon import GROUPS, HAN_GROUP, WORD_GROUP
from serving.decision.features.structure import blank_non_letters


def test_every_group_has_words_and_every_word_a_group() -> None:
    assert set(WORD_GROUP.values()) == set(range(len(GROUPS)))
    assert set(HAN_GROUP.values()) <= set(range(len(GROUPS)))
    assert len(set(GROUPS)) == len(GROUPS)


def test_words_are_what_a_text_is_split_into() -> None:
    """A word that the splitting of a text can't give would never be found."""
    for word in WORD_GROUP:
        assert blank_non_letters(word).split() == [word]


def test_chinese_parts_hold_no_ascii() -> None:
    assert all(part and not any(character.isascii() for character in part) for part in HAN_GROUP)


@pytest.mark.parametrize(
    ("word", "group"),
    [("solve", "compute"), ("l\u00f6se", "compute"), ("compara", "judge"), ("traceback", "code"), ("must", "bind"),
     ("why", "ask"), ("the", "english"), ("und", "continental"), ("contract", "expert"), ("json", "code")],
)  # fmt: skip
def test_known_words(word: str, group: str) -> None:
    assert GROUPS[WORD_GROUP[word.encode("latin-1")]] == group
