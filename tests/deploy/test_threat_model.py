"""The threat model points at tests and files that are there."""

from __future__ import annotations

import re

from tests.support.servers import ROOT

_NAMED = re.compile(r"`([\w./]+\.(?:py|txt|toml)|[\w/]+/)`")


def test_what_it_names_is_there() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    table = text[text.index("## Threats") : text.index("## What stays")]
    named = [name for row in table.splitlines() for name in _NAMED.findall(row.rpartition(" | ")[2])]
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []
