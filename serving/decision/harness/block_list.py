"""The list of blocks that tools put into user turns, read from `blocks.toml`, which ships with the package."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("blocks.toml")


@dataclass(frozen=True, slots=True)
class LeadBlock:
    """A turn that begins with one of `opens`: the user's words follow `marker`."""

    opens: tuple[str, ...]
    marker: str


@dataclass(frozen=True, slots=True)
class BlockList:
    """Blocks by their form.

    Parameters
    ----------
    opening, wrapper
        Find the opening tag of a block that is removed, and any tag that is removed without what stands inside; group 1
        is the name.
    only
        Finds the opening tag of a block that holds the user's words and nothing else.
    any_tag
        Finds what any of the three may find, in one search.
    lines, leads, tails, turns
        First lines, beginnings, endings and whole turns.
    """

    opening: re.Pattern[str]
    wrapper: re.Pattern[str]
    only: re.Pattern[str]
    any_tag: re.Pattern[str]
    lines: tuple[str, ...]
    leads: tuple[LeadBlock, ...]
    tails: tuple[str, ...]
    turns: tuple[str, ...]


def read_block_list(text: str) -> BlockList:
    """Read a list of blocks.

    Raises
    ------
    ValueError
        A table lacks a field, or has one of an unknown kind.
    """
    raw: Mapping[str, list[dict[str, Any]]] = tomllib.loads(text)
    unknown = set(raw) - {"tag", "line", "lead", "tail", "turn"}
    keeps = {table["keep"] for table in raw["tag"]}
    if unknown or keeps - {"nothing", "inside", "only"}:
        raise ValueError(f"unknown table or keep: {', '.join(sorted(unknown | keeps))}")

    def names(keep: str) -> str:
        return _any_of({name for table in raw["tag"] if table["keep"] == keep for name in table["names"]})

    def listed(table: str) -> tuple[str, ...]:
        return tuple(text for one in raw[table] for text in one["opens"])

    # No tag is longer than 300 characters: a search does not run on behind one that is never closed.
    return BlockList(
        opening=re.compile(rf"<({names('nothing')})(?:\s[^<>]{{0,300}})?>"),
        wrapper=re.compile(rf"</?({names('inside')})(?:\s[^<>]{{0,300}})?>"),
        only=re.compile(rf"<({names('only')})(?:\s[^<>]{{0,300}})?>"),
        any_tag=re.compile(rf"</?(?:{'|'.join(map(names, ('nothing', 'inside', 'only')))})[\s>]"),
        lines=listed("line"),
        leads=tuple(LeadBlock(tuple(one["opens"]), one["marker"]) for one in raw["lead"]),
        tails=tuple(one["marker"] for one in raw["tail"]),
        turns=listed("turn"),
    )


def _any_of(names: set[str]) -> str:
    """Give a pattern for any of the names, branched by their first characters: a text may hold thousands of tags."""
    branches: dict[str, list[str]] = {}
    # The longest first, so that no name hides one that it begins.
    for name in sorted(names, key=lambda name: (-len(name), name)):
        branches.setdefault(name[0], []).append(re.escape(name[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in branches.items())


BLOCKS = read_block_list(_FILE.read_text(encoding="utf-8"))
"""The shipped list."""
