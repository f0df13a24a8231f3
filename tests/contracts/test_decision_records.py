"""Decision records follow one template, stay on one page, and are all on the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.servers import ROOT

FOLDER = ROOT / "docs" / "adr"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
STATUS = re.compile(r"- Status: (accepted|superseded by \[\d{4}\]\(\d{4}-[\w-]+\.md\).*)")


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name[:4])
def test_follows_the_template(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith(f"# {path.name[:4]} ")
    assert STATUS.fullmatch(lines[2]), lines[2]
    assert re.fullmatch(r"- Date: \d{4}-\d\d-\d\d", lines[3]), lines[3]
    assert [line for line in lines if line.startswith("## ")] == [
        "## Context", "## Options", "## Decision", "## Consequences",
    ]  # fmt: skip
    assert len(lines) <= 40


def test_index_lists_every_record() -> None:
    index = (FOLDER / "README.md").read_text()
    assert len(RECORDS) > 50
    for path in RECORDS:
        title = path.read_text().splitlines()[0][7:]
        assert f"| [{path.name[:4]}]({path.name}) | {title} |" in index


def test_links_between_records_lead_somewhere() -> None:
    for path in FOLDER.glob("*.md"):
        for name in re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", path.read_text()):
            assert (FOLDER / name).exists(), f"{path.name}: {name}"
