"""Multilingual phrase matching: finds the known phrases of a text in one pass over its words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+|[.!?:\n。！？：]")
_HAN = re.compile(r"[㐀-鿿]")
_GAP = "..."
_MAX_GAP = 14
"""Most words that a gap may span."""
_OPENING = 2
"""A phrase opens its sentence where fewer content words than this precede it."""
_LISTED_FUNCTION_WORDS = """
please could can would will you i we want need d like to help me us with kindly and then now also hi hello hey the a an
what are is this these my give tell show make
bitte kannst könntest könnten können sie du mir uns ich möchte brauche hallo und dann nun auch der die das ein eine
einen was sind ist mein gib zeige
por favor puedes podrías puede podría quiero necesito que ayúdame a me nos hola y luego ahora el la los las un una qué
cuáles son es este esta mi dame
"""
_STOPS = frozenset(".!?:\n。！？：")
CACHED_WORDS = 50_000
"""Words whose phrases are cached; beyond it the cache is cleared."""
_FUNCTION_WORDS = frozenset(_LISTED_FUNCTION_WORDS.split())
_MIN_STEM, _MAX_STEM = 2, 14


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase, and the kind of task that it indicates.

    Parameters
    ----------
    words
        Lower-case; one that ends in `*` is a stem, one that begins with it an ending (not the first word), `...` is a
        gap.
    kind
        Index of the kind.
    is_request
        It asks for the kind; otherwise it only indicates it.
    """

    words: tuple[str, ...]
    kind: int
    is_request: bool

    @property
    def text(self) -> str:
        """The phrase as it is written in the taxonomy."""
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class PhraseMatch:
    """An occurrence of a phrase in a text.

    Parameters
    ----------
    in_outer_sentence
        It stands in the first or in the last sentence.
    opens_sentence
        At most one content word precedes it in its sentence.
    """

    phrase: Phrase
    in_outer_sentence: bool
    opens_sentence: bool


@dataclass(frozen=True, slots=True)
class _Start:
    """Phrases that may begin with a word, by their second word where it is plain; the others in `any_second`."""

    any_second: tuple[Phrase, ...]
    by_second: Mapping[str, tuple[Phrase, ...]]


class PhraseTable:
    """Index of phrases by their first word.

    Examples
    --------
    >>> table = PhraseTable([*parse_phrases("fasse* ... zusammen, summar*", 0, True), *parse_phrases("总结", 0, True)])
    >>> [match.phrase.text for match in table.find("Bitte fasse das zusammen! 请总结。")]
    ['fasse* ... zusammen', '总结']
    """

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._exact: dict[str, list[Phrase]] = {}
        self._stems: dict[str, list[Phrase]] = {}
        self._han: list[Phrase] = []
        self._starts: dict[str, _Start | None] = {}
        for phrase in phrases:
            head = phrase.words[0]
            if _HAN.search(head):
                self._han.append(phrase)
            elif head.endswith("*"):
                self._stems.setdefault(head[:-1], []).append(phrase)
            else:
                self._exact.setdefault(head, []).append(phrase)

    def find(self, text: str) -> list[PhraseMatch]:
        """Find phrases in the order of their first words, Chinese ones last; a phrase may match more than once."""
        lowered = text.lower()
        words = _WORD.findall(lowered)
        found: list[PhraseMatch] = []
        first = last = -1
        # Few words begin a phrase: whatever costs more than a look-up is done for those alone.
        for at, start in enumerate(self._starts_of(words)):
            if start is None:
                continue
            following = words[at + 1] if at + 1 < len(words) else ""
            for phrase in (*start.any_second, *start.by_second.get(following, ())):
                if len(phrase.words) == 1 or _matches_at(phrase.words, words, at):
                    if first < 0:
                        first, last = _first_sentence_end(words), _last_sentence_start(words)
                    found.append(PhraseMatch(phrase, at < first or at >= last, _opens_sentence(words, at)))
        if self._han and not lowered.isascii() and _HAN.search(lowered):
            found.extend(self._find_han(lowered))
        return found

    def _starts_of(self, words: list[str]) -> list[_Start | None]:
        """Give the phrases that may begin with each word, from the cache where it holds the word."""
        starts = self._starts
        try:
            return [starts[word] for word in words]
        except KeyError:
            pass
        if len(starts) > CACHED_WORDS:
            starts = self._starts = {}  # other threads keep the old table until they are done
        for word in words:
            if word not in starts:
                phrases = tuple(self._phrases_starting_with(word))
                starts[word] = _index_by_second(phrases) if phrases else None
        return [starts[word] for word in words]

    def _phrases_starting_with(self, word: str) -> Iterator[Phrase]:
        yield from self._exact.get(word, ())
        for end in range(_MIN_STEM, min(len(word), _MAX_STEM) + 1):
            yield from self._stems.get(word[:end], ())

    def _find_han(self, text: str) -> Iterator[PhraseMatch]:
        first = min((at for at in map(text.find, "。！？；\n") if at >= 0), default=len(text))
        last = max(text.rstrip("。！？；\n ").rfind(stop) for stop in "。！？；\n")
        for phrase in self._han:
            at = text.find(phrase.words[0])
            if at < 0 or (len(phrase.words) > 1 and text.find(phrase.words[-1], at) < 0):
                continue
            yield PhraseMatch(phrase, at < first or at > last, at < _MAX_GAP or at > len(text) - 2 * _MAX_GAP)


def parse_phrases(listed: str, kind: int, is_request: bool) -> list[Phrase]:
    """Parse phrases that are separated by commas.

    >>> parse_phrases("show that, fass* ... zusammen", 0, True)[1].words
    ('fass*', '...', 'zusammen')
    """
    split = [tuple(re.findall(r"\.\.\.|\*?[^\W_]+\*?", text.lower())) for text in listed.split(",")]
    return [Phrase(words, kind, is_request) for words in split if words]


def _index_by_second(phrases: tuple[Phrase, ...]) -> _Start:
    plain = [
        phrase for phrase in phrases if len(phrase.words) > 1 and phrase.words[1] != _GAP and "*" not in phrase.words[1]
    ]
    seconds = {phrase.words[1] for phrase in plain}
    return _Start(
        tuple(phrase for phrase in phrases if phrase not in plain),
        {second: tuple(phrase for phrase in plain if phrase.words[1] == second) for second in seconds},
    )


def _opens_sentence(words: list[str], at: int) -> bool:
    """Tell whether fewer than `_OPENING` content words precede it in its sentence."""
    content_words = 0
    for place in range(at - 1, -1, -1):
        if words[place] in _STOPS:
            return True
        content_words += words[place] not in _FUNCTION_WORDS
        if content_words >= _OPENING:
            return False
    return True


def _first_sentence_end(words: list[str]) -> int:
    """Give the end of the first sentence with a content word; 0 where there is none."""
    has_content = False
    for at, word in enumerate(words):
        if word in _STOPS:
            if has_content:
                return at
        elif not has_content and word not in _FUNCTION_WORDS:
            has_content = True
    return len(words) if has_content else 0


def _last_sentence_start(words: list[str]) -> int:
    """Give the start of the last sentence with a content word; 0 where there is none."""
    has_content = False
    for at in range(len(words) - 1, -1, -1):
        if words[at] in _STOPS:
            if has_content:
                return at + 1
        elif not has_content and words[at] not in _FUNCTION_WORDS:
            has_content = True
    return 0


def _word_fits(part: str, word: str) -> bool:
    if part[-1] == "*":
        return word.startswith(part[:-1])
    return word.endswith(part[1:]) if part[0] == "*" else word == part


def _matches_at(pattern: tuple[str, ...], words: list[str], at: int) -> bool:
    """Tell whether the whole pattern stands at `at`."""
    for place, part in enumerate(pattern):
        if part == _GAP:
            rest = pattern[place + 1 :]
            spanned = words[at : at + _MAX_GAP]
            if "*" not in rest[0] and rest[0] not in spanned:
                return False
            return any(_matches_at(rest, words, later) for later in range(at, at + len(spanned)))
        if at >= len(words) or not _word_fits(part, words[at]):
            return False
        at += 1
    return True
