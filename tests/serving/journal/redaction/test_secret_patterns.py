"""Patterns of secrets: each compiles with one group, and its hints can be found."""

from __future__ import annotations

import pytest

from serving.journal.redaction.pattern import Pattern
from serving.journal.redaction.secret_patterns import SECRETS


@pytest.mark.parametrize("pattern", SECRETS, ids=lambda pattern: pattern.expression[:24])
def test_each_compiles_with_one_group(pattern: Pattern) -> None:
    assert pattern.compile().groups == 1
    assert all(hint == hint.casefold() for hint in pattern.hints_folded)
    assert not (pattern.hints and pattern.hints_folded)
