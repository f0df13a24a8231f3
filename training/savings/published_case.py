"""Recomputes a published savings case from its inputs, and compares the totals with the published ones."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.decision import BadInput
from serving.decision.policy import load_arms
from serving.decision.pricing import PriceBook, expected_cost, price_book


class BadCase(BadInput):
    """A case's folder can't be read; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a day's traffic; money in USD a day.

    Parameters
    ----------
    before, after
        Names of the arms.
    """

    name: str
    requests_per_day: int
    before: str
    after: str
    before_usd: float
    after_usd: float


@dataclass(frozen=True, slots=True)
class PublishedCase:
    """A case with its recomputed totals.

    Parameters
    ----------
    published
        Totals as they were published, by name; never an input.
    worked_out
        The same totals, recomputed from the inputs.
    """

    title: str
    segments: tuple[Segment, ...]
    days_per_year: int
    published: Mapping[str, float]

    @property
    def before_usd(self) -> float:
        """USD a day without selective routing."""
        return sum(segment.before_usd for segment in self.segments)

    @property
    def after_usd(self) -> float:
        """USD a day with it."""
        return sum(segment.after_usd for segment in self.segments)

    @property
    def saved_usd_per_year(self) -> float:
        """USD a year."""
        return (self.before_usd - self.after_usd) * self.days_per_year

    @property
    def worked_out(self) -> Mapping[str, float]:
        """Every total that a case may publish."""
        moved = [segment for segment in self.segments if segment.before != segment.after]
        stays = [segment for segment in self.segments if segment.before == segment.after]
        return {
            "simple_before_usd_per_day": sum(segment.before_usd for segment in moved),
            "simple_after_usd_per_day": sum(segment.after_usd for segment in moved),
            "reasoning_usd_per_day": sum(segment.after_usd for segment in stays),
            "before_usd_per_day": self.before_usd,
            "after_usd_per_day": self.after_usd,
            "saved_usd_per_day": self.before_usd - self.after_usd,
            "saved_usd_per_year": self.saved_usd_per_year,
        }

    @property
    def differences(self) -> Mapping[str, float]:
        """Published totals that do not come out to the cent: worked out minus published."""
        gaps = {name: self.worked_out[name] - total for name, total in self.published.items()}
        return {name: gap for name, gap in gaps.items() if abs(gap) >= 0.005}


def work_out(folder: Path) -> PublishedCase:
    """Read a case and recompute it.

    Parameters
    ----------
    folder
        Holds `case.toml` and the arms that it names; `data/cases/README.md` explains the keys.

    Raises
    ------
    BadCase
        A file or a key is missing, or of another kind.
    BadArms, Unpriced
        The arms can't be used.
    """
    raw = _read(folder / "case.toml")
    try:
        book = price_book(load_arms(folder / raw["arms"]))
        segments = tuple(_segment(item, book) for item in raw["segment"])
        published = {str(name): float(total) for name, total in raw.get("published", {}).items()}
        case = PublishedCase(str(raw["title"]), segments, int(raw["days_per_year"]), published)
    except KeyError as missing:
        raise BadCase(f"{folder / 'case.toml'}: {missing} is missing: data/cases/README.md lists the keys") from None
    except (TypeError, ValueError, AttributeError) as fault:
        raise BadCase(f"{folder / 'case.toml'}: {fault}: data/cases/README.md lists the keys") from None
    if unknown := sorted(set(published) - set(case.worked_out)):
        raise BadCase(f"{folder / 'case.toml'}: published.{unknown[0]} is no total that a case works out")
    return case


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadCase(f"{path} can't be read ({error.strerror}): name a folder with a case.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadCase(f"{path}: {error}") from None


def _segment(item: Mapping[str, Any], book: PriceBook) -> Segment:
    requests, before, after = int(item["requests_per_day"]), str(item["before"]), str(item["after"])

    def usd(arm: str) -> float:
        tokens = float(item["input_tokens"])
        rates = book.card(arm).rates(0.0, tokens)
        cost = requests * expected_cost(rates, tokens, 0.0, float(item["output_tokens"][arm]), 0.0, 0.0)
        return round(cost, 6)  # a float's last bits are no money

    return Segment(str(item["name"]), requests, before, after, usd(before), usd(after))
