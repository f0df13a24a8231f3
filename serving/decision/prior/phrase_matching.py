"""Finds known phrases in a text by word, whatever the language: one pass, one table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
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
_STOPS = frozenset(".!?:\n。！？：")
_REMEMBERED = 50_000
"""Words whose cues are kept; the table starts over beyond it."""
_LIGHT = frozenset(_LIGHT_WORDS.split())
_SHORTEST, _LONGEST = 2, 14


@dataclass(frozen=True, slots=True)
class Phrase:
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
class PhraseMatch:
    """A cue in a text.

    Parameters
    ----------
    cue
        What was found.
    edge, opening
        It stands in the first or the last sentence; it opens its sentence.
    """

    cue: Phrase
    edge: bool
    opening: bool


@dataclass(frozen=True, slots=True)
class _Start:
    """The cues that may begin with a word: by their second word where it is one plain word, the others in `any`."""

    any: tuple[Phrase, ...]
    second: Mapping[str, tuple[Phrase, ...]]


class PhraseTable:
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

    def __init__(self, cues: Iterable[Phrase]) -> None:
        self._exact: dict[str, list[Phrase]] = {}
        self._stems: dict[str, list[Phrase]] = {}
        self._han: list[Phrase] = []
        self._starts: dict[str, _Start | None] = {}
        for cue in cues:
            head = cue.words[0]
            if _HAN.search(head):
                self._han.append(cue)
            elif head.endswith("*"):
                self._stems.setdefault(head[:-1], []).append(cue)
            else:
                self._exact.setdefault(head, []).append(cue)

    def find(self, text: str) -> list[PhraseMatch]:
        """Find cues in the order of their first words; a cue may be found more than once."""
        lowered = text.lower()
        words = _WORD.findall(lowered)
        found: list[PhraseMatch] = []
        first = last = -1
        # Few words begin a cue: all that costs more than a look-up is done for those alone.
        for at, start in enumerate(self._starting(words)):
            if start is None:
                continue
            following = words[at + 1] if at + 1 < len(words) else ""
            for cue in (*start.any, *start.second.get(following, ())):
                if len(cue.words) == 1 or _follows(cue.words, words, at):
                    if first < 0:
                        first, last = _first_end(words), _last_start(words)
                    found.append(PhraseMatch(cue, at < first or at >= last, _is_opening(words, at)))
        if self._han and not lowered.isascii() and _HAN.search(lowered):
            found.extend(self._in_han(lowered))
        return found

    def _starting(self, words: list[str]) -> list[_Start | None]:
        """Give the cues that begin with each word; what was asked once is looked up."""
        starts = self._starts
        try:
            return [starts[word] for word in words]
        except KeyError:
            pass
        if len(starts) > _REMEMBERED:
            starts = self._starts = {}  # other threads keep the old one until they are done
        for word in words:
            if word not in starts:
                cues = tuple(self._starting_with(word))
                starts[word] = _start(cues) if cues else None
        return [starts[word] for word in words]

    def _starting_with(self, word: str) -> Iterator[Phrase]:
        yield from self._exact.get(word, ())
        for end in range(_SHORTEST, min(len(word), _LONGEST) + 1):
            yield from self._stems.get(word[:end], ())

    def _in_han(self, text: str) -> Iterator[PhraseMatch]:
        first = min((at for at in map(text.find, "。！？；\n") if at >= 0), default=len(text))
        last = max(text.rstrip("。！？；\n ").rfind(stop) for stop in "。！？；\n")
        for cue in self._han:
            at = text.find(cue.words[0])
            if at < 0 or (len(cue.words) > 1 and text.find(cue.words[-1], at) < 0):
                continue
            yield PhraseMatch(cue, at < first or at > last, at < _REACH or at > len(text) - 2 * _REACH)


def parse_phrases(phrases: str, kind: int, asks: bool) -> list[Phrase]:
    """Read phrases that are parted by commas."""
    cues = []
    for phrase in phrases.split(","):
        words = tuple(re.findall(r"\.\.\.|\*?[^\W_]+\*?", phrase.lower()))
        if words:
            cues.append(Phrase(words, kind, asks))
    return cues


def _start(cues: tuple[Phrase, ...]) -> _Start:
    plain = [cue for cue in cues if len(cue.words) > 1 and cue.words[1] != _GAP and "*" not in cue.words[1]]
    seconds = {cue.words[1] for cue in plain}
    return _Start(
        tuple(cue for cue in cues if cue not in plain),
        {second: tuple(cue for cue in plain if cue.words[1] == second) for second in seconds},
    )


def _is_opening(words: list[str], at: int) -> bool:
    """Tell whether fewer than `_OPENING` words that say something stand before it in its sentence."""
    said = 0
    for place in range(at - 1, -1, -1):
        if words[place] in _STOPS:
            return True
        said += words[place] not in _LIGHT
        if said >= _OPENING:
            return False
    return True


def _first_end(words: list[str]) -> int:
    """Give where the first sentence that says anything ends; 0 where none does."""
    said = False
    for at, word in enumerate(words):
        if word in _STOPS:
            if said:
                return at
        elif not said and word not in _LIGHT:
            said = True
    return len(words) if said else 0


def _last_start(words: list[str]) -> int:
    """Give where the last sentence that says anything begins."""
    said = False
    for at in range(len(words) - 1, -1, -1):
        if words[at] in _STOPS:
            if said:
                return at + 1
        elif not said and words[at] not in _LIGHT:
            said = True
    return 0


def _is(part: str, word: str) -> bool:
    if part[-1] == "*":
        return word.startswith(part[:-1])
    return word.endswith(part[1:]) if part[0] == "*" else word == part


def _follows(pattern: tuple[str, ...], words: list[str], at: int) -> bool:
    """Tell whether the whole pattern stands at `at`."""
    for place, part in enumerate(pattern):
        if part == _GAP:
            rest = pattern[place + 1 :]
            spanned = words[at : at + _REACH]
            if "*" not in rest[0] and rest[0] not in spanned:
                return False
            return any(_follows(rest, words, later) for later in range(at, at + len(spanned)))
        if at >= len(words) or not _is(part, words[at]):
            return False
        at += 1
    return True
