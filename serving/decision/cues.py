"""Finds known phrases in a text by word, whatever the language: one pass, one table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+|[.!?:\n。！？：]")
_HAN = re.compile(r"[㐀-鿿]")
_GAP = "..."
_REACH = 14
"""Most words that a gap may span."""
_OPENING = 2
"""A phrase that begins within this many words of its sentence, light ones aside, is what the sentence asks for."""
_LIGHT_WORDS = """
please could can would will you i we want need d like to help me us with kindly and then now also hi hello hey the a an
what are is this these my give tell show make
bitte kannst könntest könnten können sie du mir uns ich möchte brauche hallo und dann nun auch der die das ein eine
einen was sind ist mein gib zeige
por favor puedes podrías puede podría quiero necesito que ayúdame a me nos hola y luego ahora el la los las un una qué
cuáles son es este esta mi dame
"""
_LIGHT = frozenset(_LIGHT_WORDS.split())
_SHORTEST, _LONGEST = 2, 14


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase and what it speaks for.

    Parameters
    ----------
    words
        Lower-case; one that ends in `*` is a stem, one that begins with it an ending (not the first word), `...` is a
        gap.
    kind
        Place of the kind.
    asks
        It asks for the kind, and does not only hint at it.
    """

    words: tuple[str, ...]
    kind: int
    asks: bool

    @property
    def phrase(self) -> str:
        """Give the phrase as people write it."""
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A cue in a text.

    Parameters
    ----------
    cue
        What was found.
    edge, opening
        It stands in the first or the last sentence; it opens its sentence.
    """

    cue: Cue
    edge: bool
    opening: bool


class CueTable:
    """Cues, findable by their first word.

    Parameters
    ----------
    cues
        All of them.

    Examples
    --------
    >>> table = CueTable([*cues_of("fasse* ... zusammen, summar*", 0, True), *cues_of("总结", 0, True)])
    >>> [sighting.cue.phrase for sighting in table.find("Bitte fasse das zusammen! 请总结。")]
    ['fasse* ... zusammen', '总结']
    """

    def __init__(self, cues: Iterable[Cue]) -> None:
        self._exact: dict[str, list[Cue]] = {}
        self._stems: dict[str, list[Cue]] = {}
        self._han: list[Cue] = []
        for cue in cues:
            head = cue.words[0]
            if _HAN.search(head):
                self._han.append(cue)
            elif head.endswith("*"):
                self._stems.setdefault(head[:-1], []).append(cue)
            else:
                self._exact.setdefault(head, []).append(cue)

    def find(self, text: str) -> Iterator[Sighting]:
        """Find cues, oldest sentence first; a cue may be found more than once."""
        lowered = text.lower()
        words = _WORD.findall(lowered)
        first, last = _edges(words)
        place = 0
        for at, word in enumerate(words):
            if _is_stop(word):
                place = 0
                continue
            for cue in self._starting_with(word):
                if len(cue.words) == 1 or _follows(cue.words, words, at):
                    yield Sighting(cue, at < first or at >= last, place < _OPENING)
            place += word not in _LIGHT
        if self._han and _HAN.search(lowered):
            yield from self._in_han(lowered)

    def _starting_with(self, word: str) -> Iterator[Cue]:
        yield from self._exact.get(word, ())
        for end in range(_SHORTEST, min(len(word), _LONGEST) + 1):
            yield from self._stems.get(word[:end], ())

    def _in_han(self, text: str) -> Iterator[Sighting]:
        first = min((at for at in map(text.find, "。！？；\n") if at >= 0), default=len(text))
        last = max(text.rstrip("。！？；\n ").rfind(stop) for stop in "。！？；\n")
        for cue in self._han:
            at = text.find(cue.words[0])
            if at < 0 or (len(cue.words) > 1 and text.find(cue.words[-1], at) < 0):
                continue
            yield Sighting(cue, at < first or at > last, at < _REACH or at > len(text) - 2 * _REACH)


def cues_of(phrases: str, kind: int, asks: bool) -> list[Cue]:
    """Read phrases that are parted by commas."""
    cues = []
    for phrase in phrases.split(","):
        words = tuple(re.findall(r"\.\.\.|\*?[^\W_]+\*?", phrase.lower()))
        if words:
            cues.append(Cue(words, kind, asks))
    return cues


def _is_stop(word: str) -> bool:
    return len(word) == 1 and not word.isalnum()


def _edges(words: list[str]) -> tuple[int, int]:
    """Give where the first sentence that says anything ends, and where the last one begins."""
    stops = [at for at, word in enumerate(words) if _is_stop(word)]
    said = [at for at, word in enumerate(words) if not _is_stop(word) and word not in _LIGHT]
    if not said:
        return 0, 0
    first = next((at for at in stops if at > said[0]), len(words))
    return first, next((at + 1 for at in reversed(stops) if at < said[-1]), 0)


def _is(part: str, word: str) -> bool:
    if part[-1] == "*":
        return word.startswith(part[:-1])
    return word.endswith(part[1:]) if part[0] == "*" else word == part


def _follows(pattern: tuple[str, ...], words: list[str], at: int) -> bool:
    """Tell whether the whole pattern stands at `at`."""
    for place, part in enumerate(pattern):
        if part == _GAP:
            rest = pattern[place + 1 :]
            return any(_follows(rest, words, later) for later in range(at, min(at + _REACH, len(words))))
        if at >= len(words) or not _is(part, words[at]):
            return False
        at += 1
    return True
