"""Phrase matching: stems, endings, gaps and Chinese; the position of a match; a cache that changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.prior import phrase_matching
from serving.decision.prior.phrase_matching import PhraseTable, parse_phrases


def table(phrases: str) -> PhraseTable:
    return PhraseTable(parse_phrases(phrases, 0, is_request=True))


def found(phrases: str, text: str) -> list[str]:
    return [match.phrase.text for match in table(phrases).find(text)]


@pytest.mark.parametrize(
    ("phrases", "text", "wanted"),
    [
        ("summarize", "SUMMARIZE it", ["summarize"]),
        ("summarize", "summarized", []),
        ("summar*", "a summary of summaries", ["summar*", "summar*"]),
        ("find all", "find them all; find all", ["find all"]),
        ("fasse ... zusammen", "Fasse den Text bitte zusammen", ["fasse ... zusammen"]),
        ("fasse ... zusammen", "fasse zusammen", ["fasse ... zusammen"]),
        ("fasse ... zusammen", "zusammen fasse", []),
        ("mach ... *er", "mach den Text kuerzer", ["mach ... *er"]),
        ("what ... stand for", "what does this long name stand for?", ["what ... stand for"]),
        ("what ... stand for", "what does it stand on?", []),
        ("\u603b\u7ed3", "\u8bf7\u603b\u7ed3\u4e0b\u6587", ["\u603b\u7ed3"]),
        ("summarize, \u603b\u7ed3", "\u603b\u7ed3! Summarize.", ["summarize", "\u603b\u7ed3"]),
        ("summarize", "", []),
    ],
)
def test_what_a_phrase_finds(phrases: str, text: str, wanted: list[str]) -> None:
    assert found(phrases, text) == wanted


def test_a_gap_is_bounded() -> None:
    assert found("fasse ... zusammen", "fasse " + "wort " * 13 + "zusammen")
    assert not found("fasse ... zusammen", "fasse " + "wort " * 14 + "zusammen")


@pytest.mark.parametrize(
    ("text", "opens", "outer"),
    [
        ("Summarize the text.", True, True),
        ("Could you please summarize the text?", True, True),
        ("Our very long report needs work: summarize it. Thanks a lot friend.", True, False),
        ("Hello. The committee will summarize it. Goodbye dear friends.", True, True),
        ("One thing. The board of directors may summarize it. Last words.", False, False),
        ("First comes this text. Then some more text. Summarize it", True, True),
    ],
)
def test_the_position_of_a_match(text: str, opens: bool, outer: bool) -> None:
    (match,) = table("summarize").find(text)
    assert (match.opens_sentence, match.in_outer_sentence) == (opens, outer)


def test_phrases_are_parsed_with_kind_and_role() -> None:
    first, second = parse_phrases("Tl;DR, fasse ... zusammen,, ", 3, is_request=False)
    assert (first.words, first.kind, first.is_request) == (("tl", "dr"), 3, False)
    assert (second.words, second.text) == (("fasse", "...", "zusammen"), "fasse ... zusammen")


@given(
    st.lists(
        st.text(max_size=30) | st.sampled_from(["summarize", "summary", "find all", "\u603b\u7ed3", "."]), max_size=8
    )
)
def test_any_text_gives_the_same_matches_again(parts: list[str]) -> None:
    again = table("summar*, find all, find ... all, \u603b\u7ed3")
    text = " ".join(parts)
    first = again.find(text)
    assert again.find(text) == first == table("summar*, find all, find ... all, \u603b\u7ed3").find(text)


def test_a_cleared_cache_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrase_matching, "CACHED_WORDS", 3)
    small = table("summar*, find all")
    for number in range(50):
        assert [match.phrase.text for match in small.find(f"find all w{number} summary")] == ["find all", "summar*"]
