"""Alphabet of 256 symbols: maps any text to one byte per character, so that counting is array work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.uint8]

HAN: Final = 0x80
FOREIGN: Final = range(0x83, 0x88)
MATHS: Final = 0x88
BOXES: Final = 0x89
PICTURES: Final = range(0x8A, 0x8C)
"""Symbols that stand for a whole script; Latin-1 leaves 0x80..0x9F free."""

_RANGES: Final[Mapping[int, tuple[tuple[int, int], ...]]] = {
    HAN: ((0x2E80, 0x2FFF), (0x3400, 0x9FFF), (0xF900, 0xFAFF)),
    0x81: ((0x3040, 0x30FF),),  # Kana
    0x82: ((0x1100, 0x11FF), (0xAC00, 0xD7AF)),  # Hangul
    0x83: ((0x0400, 0x052F),),  # Cyrillic
    0x84: ((0x0590, 0x08FF),),  # Hebrew, Arabic
    0x85: ((0x0370, 0x03FF),),  # Greek
    0x86: ((0x0900, 0x0FFF),),  # Indic, Thai, Tibetan
    0x87: ((0x0100, 0x024F), (0x1E00, 0x1EFF)),  # Latin beyond Latin-1
    MATHS: ((0x2070, 0x209F), (0x2190, 0x22FF), (0x27C0, 0x27FF), (0x2900, 0x2AFF)),  # arrows too
    BOXES: ((0x2500, 0x25FF), (0x2800, 0x28FF)),
    0x8A: ((0x2300, 0x23FF), (0x2600, 0x27BF), (0x2B00, 0x2BFF)),  # pictures; all beyond the basic plane
}
_OTHER: Final = 0x8B
_ASCII_EQUIVALENTS: Final[Mapping[str, str]] = {
    "'": "\u2018\u2019\u201a\u2032",
    '"': "\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2212",
    ".": "\u2026\u3002",
    ",": "\u3001",
    "*": "\u2022\u00b7\u2217\u00d7",
    "/": "\u00f7",
    "<": "\u2264",
    ">": "\u2265",
    "=": "\u2260\u2248",
    "?": "\u00bf",
    "\n": "\u2028\u2029\x85",
    " ": "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000",
}
"""Typographic characters that are read as an ASCII character."""

_FULL_WIDTH: Final = 0xFEE0
"""Distance of the full-width forms U+FF01..U+FF5E from their ASCII equivalents."""


def _table() -> Symbols:
    table = np.full(0x10000, _OTHER, np.uint8)
    table[:0x80] = np.arange(0x80)
    table[0xA0:0x100] = np.arange(0xA0, 0x100)
    for symbol, ranges in _RANGES.items():
        for first, last in ranges:
            table[first : last + 1] = symbol
    for ascii_character, characters in _ASCII_EQUIVALENTS.items():
        table[[ord(character) for character in characters]] = ord(ascii_character)
    table[0x21 + _FULL_WIDTH : 0x7F + _FULL_WIDTH] = np.arange(0x21, 0x7F)
    return table


_SYMBOL_OF: Final = _table()


def to_symbols(text: str) -> bytes:
    """Encode text as one symbol per character.

    Parameters
    ----------
    text
        Any str, lone surrogates included.

    Returns
    -------
    bytes
        Of length len(text): ASCII and Latin-1 as they are, one symbol for each other script, typographic
        punctuation as its ASCII equivalent.

    Examples
    --------
    >>> to_symbols("caf\\u00e9 \\u2013 \\u7b54\\u6848\\uff1a5")
    b'caf\\xe9 - \\x80\\x80:5'
    """
    if text.isascii():
        return text.encode("ascii")
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    found: Symbols = _SYMBOL_OF[np.minimum(points, 0xFFFF)]
    found[points > 0xFFFF] = PICTURES[0]
    return found.tobytes()
