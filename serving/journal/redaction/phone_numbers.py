"""Phone numbers: candidates are looked up in the numbering plans of their countries."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import phonenumbers

_REGIONS: Final = ("US", "GB", "DE", "FR", "IN", "ES", "IT", "NL", "BR", "PL")
"""Numbering plans that a number without a country code is looked up in."""


@lru_cache(maxsize=4096)
def is_phone_number(text: str) -> bool:
    """Tell whether a text of digits and separators is a phone number that could be in use.

    Examples
    --------
    >>> is_phone_number("030 901820"), is_phone_number("+33 6 12 34 56 78"), is_phone_number("000 000 000")
    (True, True, False)
    """
    bare = text.strip()
    if bare.startswith(("+", "00")):
        number = _parse("+" + bare.removeprefix("+").removeprefix("00").replace("(0)", ""), None)
        return number is not None and phonenumbers.is_possible_number(number)
    for region in _REGIONS:
        number = _parse(bare, region)
        if number is not None and phonenumbers.is_valid_number_for_region(number, region):
            return True
    return False


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
