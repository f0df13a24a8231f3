"""Phone numbers: valid ones of several countries, and no others."""

from __future__ import annotations

import pytest

from serving.journal.redaction.phone_numbers import is_phone_number


@pytest.mark.parametrize("number", ["+1 415 555 0123", "0049 30 901820", "030 901820", "06 12 34 56 78", "98765 43210"])
def test_numbers_in_use(number: str) -> None:
    assert is_phone_number(number)


@pytest.mark.parametrize("number", ["", "+", "+999 1", "000 000 000", "00", "12", "+1 2"])
def test_no_numbers(number: str) -> None:
    assert not is_phone_number(number)
