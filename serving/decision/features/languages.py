"""Identifies the language of a text by its script and its most frequent words; no library, a few microseconds.

It answers one question: was a bundle trained on anything in this language? So it names a language only on clear
evidence, and is silent on short texts, code and formulas.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

_HEAD, _TAIL = 320, 160
"""Characters read from either end."""
_MIN_WORDS: Final = 2
"""Different frequent words that a text in a Latin script must hold."""
_MIN_LETTERS: Final = 2
"""Letters of another script that a text must hold, and one in `_LETTER_SHARE` characters."""
_LETTER_SHARE: Final = 6
_LEAD: Final = 1.5
"""Factor by which the first language must lead over the second."""

_FREQUENT: Final[Mapping[str, str]] = {
    # Without the words that programs are made of: for, in, if, is, not, and, or, from, where, with, as.
    "en": (
        "the of to that it was on are his they be at this have had by but what were we there can an your which their "
        "will how about do does give please you my i should would could who why make some tell these me a"
    ),
    "de": (
        "der die das und ist nicht ich du sie wir ein eine einen einem einer zu mit auf für von den dem des im sich "
        "auch es wie wer was wo warum kann kannst bitte mir mich dir aus bei nach oder aber wenn schreibe schreib hat "
        "haben sind wird werden über"
    ),
    "fr": (
        "le la les des du un une et est dans que qui pour pas ne je tu il elle nous vous ils ce cette ces sur avec au "
        "aux par plus mais ou où se sont être avoir mon ma mes ton votre vos quel quelle comment pourquoi quoi donne"
    ),
    "es": (
        "el la los las un una y es de que en por para con no se lo su sus del al como más pero qué cómo cuál cuáles "
        "quién dónde cuándo cuánto este esta son me mi tu te yo está hay escribe dame puedes fue"
    ),
    "pt": (
        "o os as um uma e é de que em por para com não se do da dos das no na nos nas ao à mais mas como qual quais "
        "quem onde quando este esta são me meu minha você eu está foi escreva pode isso"
    ),
    "it": (
        "il lo gli i un una e è di che in per con non si del della dei delle al alla nel nella sono come più ma cosa "
        "quale chi dove quando perché questo questa mi mio mia tu io ho hai scrivi puoi"
    ),
    "nl": (
        "de het een en is van ik je in dat op te voor met niet zijn er aan maar om ook als bij wat hoe waarom wie waar "
        "deze dit naar kan kun mijn wij jij u uit over schrijf"
    ),
    "scandinavian": (
        "och att det som en på är av för med den till inte har jag du vi ett om hur vad varför og det er af til ikke "
        "jeg har et på med hva hvordan hvorfor hvad kan skriv"
    ),
    "pl": "i w na z do nie się to że jest jak co czy dla po od ale przez który jaki dlaczego napisz proszę mi są ta",
    "cs": "a je se na v že to s z do jak co ale pro jsem jsou nebo který proč napiš prosím mi by když po od ve",
    "tr": "ve bir bu için ne da de ile mi mı nasıl neden çok gibi daha olan olarak var yok ben sen bana lütfen nedir",
    "vi": "là và của có không cho một được trong này với các những tôi bạn như thế nào hãy gì viết để khi",
    "id": "dan yang di untuk dengan ini itu adalah tidak saya anda dari ke apa bagaimana mengapa bisa akan tolong buat",
    "ro": "și este în de la cu pe un o nu să care pentru din ce cum sunt mai scrie te rog îmi al ale",
    "fi": "ja on ei että se en mitä miten miksi voi olla kuin minä sinä hän tämä mutta kirjoita ovat oli",
    "hu": "a az és nem hogy egy van is ez mi miért hogyan kérlek írj én te ki meg de csak mint",
}
"""The most frequent words of languages in Latin script, words of requests included."""

_SCRIPTS: Final[Mapping[str, str]] = {
    "ja": "\u3040-\u30ff",
    "ko": "\u1100-\u11ff\uac00-\ud7af",
    "zh": "\u3400-\u9fff\uf900-\ufaff",
    "cyrillic": "\u0400-\u052f",
    "greek": "\u0370-\u03ff",
    "hebrew": "\u0590-\u05ff",
    "arabic": "\u0600-\u06ff\u0750-\u077f",
    "devanagari": "\u0900-\u097f",
    "indic": "\u0980-\u0dff",
    "thai": "\u0e00-\u0e7f",
    "georgian, armenian": "\u0530-\u058f\u10a0-\u10ff",
}
"""Other scripts; kana come first, for Japanese text holds Chinese characters, too."""

_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in _FREQUENT.items():
    for _word in dict.fromkeys(_words.split()):
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _language)
_LETTERS: Final = {name: re.compile(f"[{ranges}]") for name, ranges in _SCRIPTS.items()}
_OTHER_SCRIPT: Final = re.compile(f"[{''.join(_SCRIPTS.values())}]")
_PUNCTUATION: Final = "?!.,;:()\"'\u00bf\u00a1\u00ab\u00bb\u201c\u201d\u201e"


def identify_language(text: str) -> str | None:
    """Name the language of a text, or its script where that tells enough.

    Returns
    -------
    str or None
        A language code or the name of a script; None where the text does not tell.

    Examples
    --------
    >>> identify_language("Wie viele Äpfel sind das und was kosten sie?"), identify_language("What is the sum?")
    ('de', 'en')
    >>> identify_language("\u8bf7\u8ba1\u7b97 3 + 4"), identify_language("x = 3; y = 4"), identify_language("hi")
    ('zh', None, None)
    """
    window = text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]} {text[-_TAIL:]}"
    if not window.isascii():
        letters = len(_OTHER_SCRIPT.findall(window))
        if letters >= _MIN_LETTERS and letters * _LETTER_SHARE >= len(window):
            return _script(window)
    found: Counter[str] = Counter()
    for word in set(window.lower().split()):
        for language in _LANGUAGES_OF.get(word) or _LANGUAGES_OF.get(word.strip(_PUNCTUATION), ()):
            found[language] += 1
    ranked = found.most_common(2)
    if not ranked or ranked[0][1] < _MIN_WORDS:
        return None
    if len(ranked) > 1 and ranked[0][1] < _LEAD * ranked[1][1]:
        return None
    return ranked[0][0]


def _script(window: str) -> str:
    counts = {name: len(letters.findall(window)) for name, letters in _LETTERS.items()}
    if counts["ja"] and counts["ja"] * 8 >= counts["zh"]:
        return "ja"
    return max(counts, key=lambda name: counts[name])
