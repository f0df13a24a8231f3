"""Masking: the kinds of the corpus in six languages, ordinary prompts as they are, time linear in hostile texts."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.journal.redaction.masking import redact
from tests.support.redaction_corpus import HARMLESS, KINDS, SENTENCES

SECRETS = [
    "anna.müller+x@firma.co.uk",
    "sk-proj-abcDEF1234567890abcd",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "4111-1111-1111-1111",
    "5500 0000 0000 0004",
    "+1 (415) 555-2671",
    "415-555-2671",
    "password = hunter2hunter2",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("frame", ["{}", "say {} please", "({})", '"{}"'])
def test_secrets_are_masked(secret: str, frame: str) -> None:
    masked = redact(frame.format(secret))
    assert secret not in masked
    assert "[" in masked


@pytest.mark.parametrize(
    "text",
    ["What is 123456789 * 987654321?", "Add 1234567890123 and 2", "see section 3.1.2", "pi is 3.14159265358979323846"],
)
def test_mathematics_stays_readable(text: str) -> None:
    assert redact(text) == text


MISSED = {"US SSN bare", "phone bare", "person name"}
"""Kinds without a form of their own: a number of nine or ten digits and a name need their context."""


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_masked_in_six_languages(kind: str) -> None:
    value = KINDS[kind]
    for sentence in SENTENCES:
        text = sentence.format(value)
        masked = redact(text)
        assert (masked == text or value in masked) == (kind in MISSED), masked


def test_the_corpus_holds_the_82_kinds() -> None:
    assert len(KINDS) == 82
    assert len(MISSED) <= 0.1 * len(KINDS)


def test_the_words_around_a_secret_stay() -> None:
    for kind in set(KINDS) - MISSED:
        masked = redact(SENTENCES[0].format(KINDS[kind]))
        assert masked.startswith("please check "), kind
        assert masked.endswith(" for me"), kind


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_prompts_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


@given(st.lists(st.sampled_from([*SECRETS, *KINDS.values(), "(030)", "49", " ", "@", "x"]) | st.text(max_size=6)))
def test_masking_twice_changes_nothing(parts: list[str]) -> None:
    once = redact(" ".join(parts))
    assert redact(once) == once


HOSTILE = [
    *("eyJ", "eyJa.", "password", "secret=", "@", ".", "-", "1", "12 ", "1-", "+1", "://", "http://a:", "-----BEGIN "),
    *("Aa1/", "bc1", "0x0", "sig=", "(at)", "at", "dot", " ", "DE12 ", "1:", "ab:", "2.00000,", "1 Aa ", "rue a"),
    *("ü", "\u200b", "passport 1", "tel 1", "born 1.1.", "SG.aaaaaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", '"', "\n"),
]


def seconds(text: str) -> float:
    """Measure the processor time of a masking, the better of two."""
    took = []
    for _ in range(2):
        start = time.process_time()
        redact(text)
        took.append(time.process_time() - start)
    return min(took)


def test_time_is_linear_in_hostile_texts() -> None:
    """Twice the text may take 3 times as long, for clocks are coarse; quadratic matching takes 4 times and more."""
    rng = random.Random(7)
    alphabets = [[piece] for piece in HOSTILE] + [rng.sample(HOSTILE, rng.randint(2, 3)) for _ in range(40)]
    slow = []
    for alphabet in alphabets:
        text = ("".join(rng.choice(alphabet) for _ in range(50)) * 30_000)[:60_000]
        ratio = seconds(text * 2) / max(seconds(text), 0.002)
        if ratio > 3.0 and seconds(text * 4) / max(seconds(text), 0.002) > 9.0:
            slow.append((alphabet, ratio))
    assert not slow
