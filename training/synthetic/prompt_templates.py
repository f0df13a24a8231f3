"""Writes synthetic prompts from `templates/`; harder prompts look harder, with noise."""

from __future__ import annotations

import string
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.synthetic.task_types import BASE_TASKS, BadWorld
from training.types import Array

Levels = Array
_BLUR = 0.1  # sd of what a slot makes of a level


class TemplateSlot(Protocol):
    """Fills a place in a template."""

    def draw(self, rng: np.random.Generator, level: Levels, count: int) -> list[list[str]]:
        """Draw `count` columns of n strings for n prompts of the given levels in [0, 1]."""


@dataclass(frozen=True, slots=True)
class WordChoice:
    """Any of the words, whatever the level; two draws for one prompt differ."""

    words: NDArray[np.object_]

    def draw(self, rng: np.random.Generator, level: Levels, count: int) -> list[list[str]]:
        """Draw columns."""
        total = len(self.words)
        first = rng.integers(total, size=len(level))
        step = rng.integers(1, 1 + max(1, (total - 1) // max(1, count - 1)), size=len(level))
        return [self.words[(first + place * step) % total].tolist() for place in range(count)]


@dataclass(frozen=True, slots=True)
class Graded:
    """Words from easy to hard; the level decides which."""

    words: NDArray[np.object_]

    def draw(self, rng: np.random.Generator, level: Levels, count: int) -> list[list[str]]:
        """Draw columns."""
        total = len(self.words)
        places = _blurred(rng, level, count) * total
        return [self.words[column].tolist() for column in places.astype(np.int64).clip(0, total - 1)]


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from `low` up to a bound that grows with the level."""

    low: int
    high_easy: int
    high_hard: int

    def draw(self, rng: np.random.Generator, level: Levels, count: int) -> list[list[str]]:
        """Draw columns."""
        high = self.high_easy * (self.high_hard / self.high_easy) ** level
        numbers = self.low + rng.random((count, len(level))) * (high - self.low + 1)
        return [list(map(str, column)) for column in numbers.astype(np.int64).tolist()]


@dataclass(frozen=True, slots=True)
class Listing:
    """Distinct items, the more the higher the level; each item is split where a number goes."""

    items: tuple[tuple[str, ...], ...]
    least: int
    most: int
    joiner: str

    def draw(self, rng: np.random.Generator, level: Levels, count: int) -> list[list[str]]:
        """Draw columns."""
        return [self._column(rng, level) for _ in range(count)]

    def _column(self, rng: np.random.Generator, level: Levels) -> list[str]:
        lengths = np.rint(self.least + (self.most - self.least) * _blurred(rng, level, 1)[0]).astype(np.int64).tolist()
        order = rng.random((len(level), len(self.items))).argsort(axis=1).tolist()
        numbers = rng.integers(2, 61, size=(len(level), len(self.items))).tolist()
        items, join = self.items, self.joiner.join
        return [
            join([str(number).join(items[place]) for place, number in zip(row[:length], row_numbers, strict=False)])
            for length, row, row_numbers in zip(lengths, order, numbers, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Template:
    """One way to word a task, for levels from `low` to `high`; `pattern` takes the columns by place."""

    pattern: str
    slots: tuple[tuple[TemplateSlot, int], ...]
    low: float
    high: float

    def fill(self, rng: np.random.Generator, level: Levels) -> list[str]:
        """Write one text per level."""
        columns = [column for slot, count in self.slots for column in slot.draw(rng, level, count)]
        if not columns:
            return [self.pattern.format()] * len(level)
        write = self.pattern.format
        return [write(*row) for row in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True)
class Wording:
    """All that can be written in one language."""

    templates: Mapping[str, tuple[Template, ...]]
    context: Listing
    steps: Listing
    style: Mapping[str, Sequence[str]]
    follow_up: Mapping[str, Sequence[str]]

    def write(self, rng: np.random.Generator, task: str, level: Levels) -> list[str]:
        """Write one prompt of `task` per level in [0, 1]."""
        templates = self.templates[task]
        fits = np.stack([(level >= one.low) & (level <= one.high) for one in templates], axis=1)
        picks = (rng.random(fits.shape) * fits).argmax(axis=1)
        texts = [""] * len(level)
        for place, template in enumerate(templates):
            rows = np.flatnonzero(picks == place)
            if rows.size:
                for row, text in zip(rows.tolist(), template.fill(rng, level[rows]), strict=True):
                    texts[row] = text
        return self._dress(rng, texts)

    def _dress(self, rng: np.random.Generator, texts: list[str]) -> list[str]:
        """Add what says nothing of the task: greetings, thanks, lower case, a pasted log."""
        chance = rng.random((len(texts), 4))
        pasted = chance[:, 3] < 0.06
        logs = iter(self.context.draw(rng, rng.random(int(pasted.sum())), 1)[0])
        before, after = self.style["before"], self.style["after"]
        for row, (head, tail, small, _) in enumerate(chance.tolist()):
            text = texts[row]
            if small < 0.06:
                text = text.lower()
            if pasted[row]:
                text = f"{text}\n\n{next(logs)}" if small < 0.5 else f"{next(logs)}\n\n{text}"
            if head < 0.18:
                text = f"{before[int(head / 0.18 * len(before))]} {text}"
            if tail < 0.18:
                text = f"{text} {after[int(tail / 0.18 * len(after))]}"
            texts[row] = text
        return texts

    def converse(self, rng: np.random.Generator, texts: list[str], level: Levels) -> list[tuple[str, ...]]:
        """Wrap each text in a conversation: the ask, a reply with a plan, and a bare 'yes, do it'."""
        steps = self.steps.draw(rng, level, 1)[0]
        picks = rng.random((len(texts), 3)).tolist()
        asks, replies, yeses = (self.follow_up[turn] for turn in ("ask", "reply", "yes"))
        return [
            (
                asks[int(ask * len(asks))].replace("{text}", text),
                replies[int(reply * len(replies))].replace("{steps}", plan),
                yeses[int(yes * len(yeses))],
            )
            for text, plan, (ask, reply, yes) in zip(texts, steps, picks, strict=True)
        ]


@cache
def load_wording(language: str) -> Wording:
    """Read the texts of a language.

    Raises
    ------
    BadWorld
        If there is no such language, or its file leaves a task or a level without a template.
    """
    source = files("training.synthetic") / "templates" / f"{language}.toml"
    if not source.is_file():
        raise BadWorld(f"no texts for the language {language!r}: add training/synthetic/templates/{language}.toml")
    raw = tomllib.loads(source.read_text(encoding="utf-8"))
    slots = _slots(raw)
    templates = {
        task: tuple(_template(one, slots) for one in raw["template"] if one["task"] == task) for task in BASE_TASKS
    }
    for task, ones in templates.items():
        if not all(any(one.low <= level <= one.high for one in ones) for level in np.linspace(0, 1, 101)):
            raise BadWorld(f"templates/{language}.toml has no template of {task} for some level: widen one's range")
    return Wording(templates, _listing(raw["listing"]["context"]), _listing(raw["listing"]["steps"]), raw["style"],
                   raw["followup"])  # fmt: skip


def _slots(raw: Mapping[str, Any]) -> Mapping[str, TemplateSlot]:
    slots: dict[str, TemplateSlot] = {name: WordChoice(_words(words)) for name, words in raw["choice"].items()}
    slots |= {name: Graded(_words(words)) for name, words in raw["graded"].items()}
    slots |= {name: Number(*bounds) for name, bounds in raw["number"].items()}
    return slots | {name: _listing(table) for name, table in raw["listing"].items()}


def _words(words: Sequence[str]) -> NDArray[np.object_]:
    return np.array(words, dtype=object)


def _listing(table: Mapping[str, Any]) -> Listing:
    items = tuple(tuple(item.split("#")) for item in table["items"])
    return Listing(items, table["least"], min(table["most"], len(items)), table["joiner"])


def _template(raw: Mapping[str, Any], slots: Mapping[str, TemplateSlot]) -> Template:
    """Turn {person} and {person2} into two draws from one slot, and a name met twice into one draw."""
    pieces = list(string.Formatter().parse(raw["text"]))
    names = sorted({name for _, name, _, _ in pieces if name})
    counts = Counter(name.rstrip(string.digits) for name in names)
    ordered = sorted(names, key=lambda name: (name.rstrip(string.digits), name))
    places = {name: place for place, name in enumerate(ordered)}
    pattern = "".join(
        literal.replace("{", "{{").replace("}", "}}") + (f"{{{places[name]}}}" if name else "")
        for literal, name, _, _ in pieces
    )
    low, high = raw.get("level", (0.0, 1.0))
    return Template(pattern, tuple((slots[name], counts[name]) for name in sorted(counts)), low, high)


def _blurred(rng: np.random.Generator, level: Levels, count: int) -> Levels:
    """Levels (count, n) in [0, 1] as a slot sees them."""
    blurred: Levels = (level + _BLUR * rng.standard_normal((count, len(level)))).clip(0.0, 1.0)
    return blurred
