"""Languages are named on clear evidence alone, from script or frequent words, and code and short texts name none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.decision.features.languages import identify_language

TEXTS = {
    "en": "What is the capital of France, and how many people live there?",
    "de": "Schreibe mir bitte eine kurze Absage f\u00fcr die Feier am Samstag, und nenne einen Grund.",
    "fr": "Peux-tu m'expliquer pourquoi le ciel est bleu et comment les nuages se forment dans l'atmosph\u00e8re ?",
    "es": "\u00bfCu\u00e1l es la capital de Francia y cu\u00e1ntas personas viven en la ciudad?",
    "pt": "Qual \u00e9 a capital da Fran\u00e7a e quantas pessoas n\u00e3o vivem na cidade? Voc\u00ea pode me dizer?",
    "it": "Qual \u00e8 la capitale della Francia e come sono le citt\u00e0 nella regione? Cosa puoi dire?",
    "nl": "Wat is de hoofdstad van Frankrijk en hoe groot zijn de steden? Kan je het uitleggen?",
    "scandinavian": "Vad \u00e4r huvudstaden i Frankrike och hur m\u00e5nga bor d\u00e4r? Jag vill veta det.",
    "pl": "Jaki jest najwi\u0119kszy las w Polsce i dlaczego nie ro\u015bnie? Napisz prosz\u0119 kr\u00f3tko.",
    "ja": "\u6b21\u306e\u6587\u7ae0\u3092\u8981\u7d04\u3057\u3066\u304f\u3060\u3055\u3044\u3002",
    "zh": "\u8bf7\u628a\u4e0b\u9762\u7684\u6587\u5b57\u7ffb\u8bd1\u6210\u82f1\u6587\u3002",
    "ko": "\ub2e4\uc74c \ubb38\uc7a5\uc744 \uc694\uc57d\ud574 \uc8fc\uc138\uc694.",
    "cyrillic": "\u041f\u0435\u0440\u0435\u0432\u0435\u0434\u0438 \u044d\u0442\u043e \u043d\u0430 English.",
    "arabic": "\u0645\u0627 \u0647\u064a \u0639\u0627\u0635\u0645\u0629 \u0641\u0631\u0646\u0633\u0627\u061f",
    "hebrew": "\u05de\u05d4 \u05d1\u05d9\u05e8\u05ea \u05e6\u05e8\u05e4\u05ea?",
    "devanagari": "\u092f\u0939 \u0915\u094d\u092f\u093e \u0939\u0948?",
    "thai": "\u0e19\u0e35\u0e48\u0e04\u0e37\u0e2d\u0e2d\u0e30\u0e44\u0e23",
}


@pytest.mark.parametrize("language", TEXTS)
def test_languages_are_named(language: str) -> None:
    assert identify_language(TEXTS[language]) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hi",
        "ok",
        "42 * 17 = ?",
        "x = [y**2 for y in range(10)]",
        "SELECT id FROM orders",
        "E = mc\u00b2",
        "\u2200x \u2208 \u211d",
    ],
)
def test_what_does_not_tell_names_none(text: str) -> None:
    assert identify_language(text) is None


def test_a_foreign_word_in_a_text_does_not_name_it() -> None:
    assert identify_language("What does the word \u4f60\u597d mean, and how is it written in the other script?") == "en"


def test_of_a_long_text_head_and_tail_are_read() -> None:
    code = "int a = 0; " * 2000
    assert identify_language(code + TEXTS["de"]) == "de"
    assert identify_language(TEXTS["de"] + code) == "de"


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert identify_language(text) is None or identify_language(text)
