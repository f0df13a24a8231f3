"""The shipped list of blocks is well formed, and a list that is not is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from serving.decision.harness import block_list
from serving.decision.harness.block_list import BLOCKS, read_block_list

TEXT = Path(block_list.__file__).with_name("blocks.toml").read_text("utf-8")


def test_every_entry_says_whose_block_it_is_and_where_that_was_looked_up() -> None:
    for tables in tomllib.loads(TEXT).values():
        for table in tables:
            assert table["tool"]
            assert table["source"]


def test_no_name_has_two_meanings() -> None:
    names = [name for table in tomllib.loads(TEXT)["tag"] for name in table["names"]]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    "tag", ["<system-reminder>", '<attached_files count="2">', "<permissions instructions>", "<env>"]
)
def test_opening_tags_are_found_with_their_attributes(tag: str) -> None:
    found = BLOCKS.opening.search(f"a {tag} b")
    assert found is not None
    assert found[0] == tag
    assert BLOCKS.any_tag.search(tag)


@pytest.mark.parametrize("tag", ["<environment>", "<system-reminders>", "< env>", "<div>", "<b>", "env>"])
def test_other_tags_are_not(tag: str) -> None:
    assert BLOCKS.opening.search(tag) is None
    assert BLOCKS.wrapper.search(tag) is None
    assert BLOCKS.only.search(tag) is None


@pytest.mark.parametrize("more", ['[[blok]]\nopens = ["a"]\n', '[[tag]]\nkeep = "some"\nnames = ["a"]\n'])
def test_a_table_of_an_unknown_kind_is_refused(more: str) -> None:
    with pytest.raises(ValueError, match="unknown"):
        read_block_list(TEXT + more)
