"""The taxonomy: bounds that fit their bucket, labels and phrases that are unambiguous."""

from __future__ import annotations

import pytest

from serving.decision.harness import CALL_KINDS
from serving.decision.prior.phrase_matching import parse_phrases
from serving.decision.prior.task_taxonomy import KINDS, OTHER, TaskKind

PHRASED = [kind for kind in KINDS if kind.name not in CALL_KINDS]
HIGHEST_STRENGTH = 1.08
"""Share of a kind's uplift at the highest effort."""


@pytest.mark.parametrize("kind", [*KINDS, OTHER], ids=lambda kind: str(kind.name))
def test_bounds_hold_the_uplift_and_success_stays_a_probability(kind: TaskKind) -> None:
    assert kind.lower <= kind.uplift <= kind.upper
    assert 0 < kind.direct <= kind.direct + HIGHEST_STRENGTH * kind.uplift < 1


@pytest.mark.parametrize("kind", [*KINDS, OTHER], ids=lambda kind: str(kind.name))
def test_bounds_match_the_bucket(kind: TaskKind) -> None:
    fits = {"use": kind.lower > 0, "maybe": kind.lower < 0 < kind.upper, "avoid": kind.upper <= 0.02}
    assert fits[kind.bucket]


def test_every_bucket_has_a_kind() -> None:
    assert {kind.bucket for kind in KINDS} == {"use", "maybe", "avoid"}


def test_a_label_names_one_kind() -> None:
    labels = [label for kind in (*KINDS, OTHER) for label in (kind.name, *kind.aliases)]
    assert len(set(labels)) == len(labels)
    assert all(label == label.lower() and " " not in label and "-" not in label for label in labels)


def test_a_request_phrase_asks_for_one_kind() -> None:
    """The same phrase for two kinds would make every request with it a tie."""
    seen: dict[tuple[str, ...], str] = {}
    for place, kind in enumerate(KINDS):
        for phrase in parse_phrases(kind.request_phrases, place, is_request=True):
            assert seen.setdefault(phrase.words, kind.name) == kind.name, phrase.text


def test_calls_that_tools_make_on_their_own_behalf_are_kinds_without_phrases_that_reasoning_does_not_pay_for() -> None:
    kinds = {kind.name: kind for kind in KINDS}
    assert set(CALL_KINDS) <= set(kinds)
    assert {kind.name for kind in KINDS if not kind.request_phrases} == set(CALL_KINDS)
    assert {(kinds[name].bucket, kinds[name].uplift) for name in CALL_KINDS} == {("avoid", 0.0)}


@pytest.mark.parametrize("kind", PHRASED, ids=lambda kind: str(kind.name))
def test_a_phrase_is_well_formed(kind: TaskKind) -> None:
    """A gap stands between words, and the first word is no bare ending: the table finds phrases by it."""
    phrases = parse_phrases(f"{kind.request_phrases},{kind.topic_phrases}", 0, is_request=True)
    assert phrases
    for phrase in phrases:
        assert "..." not in (phrase.words[0], phrase.words[-1]), phrase.text
        assert not phrase.words[0].startswith("*"), phrase.text


@pytest.mark.parametrize("kind", PHRASED, ids=lambda kind: str(kind.name))
def test_every_kind_has_phrases_in_chinese_and_beyond_english(kind: TaskKind) -> None:
    assert any("\u4e00" <= character <= "\u9fff" for character in kind.request_phrases)
    assert any(
        character in kind.request_phrases + kind.topic_phrases
        for character in "\u00e4\u00f6\u00fc\u00e1\u00e9\u00ed\u00f3"
    )
