"""Checksums of identifiers: they tell a card, account or tax number from any other number of its length."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Final

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ADDRESS_BYTES: Final = 25


def digits_of(text: str) -> str:
    """Keep the digits of a text."""
    return "".join(char for char in text if char.isdigit())


def is_card(text: str) -> bool:
    """Check the Luhn sum of 13 to 19 digits, in one piece or in groups as they are printed.

    Examples
    --------
    >>> is_card("4111 1111-1111.1111"), is_card("1234567890123")
    (True, False)
    """
    numbers = [int(char) for char in digits_of(text)]
    groups = [len(group) for group in "".join(char if char.isdigit() else " " for char in text).split()]
    if not 13 <= len(numbers) <= 19 or len(set(numbers)) == 1 or min(groups) < 3:
        return False
    if (len(groups) > 1 and groups[0] != 4) or len(numbers) not in _card_lengths("".join(map(str, numbers))):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in numbers[-2::-2]]
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0


def _card_lengths(digits: str) -> tuple[int, ...]:
    """Give the lengths that the issuer of a card number uses; none for a number of no issuer."""
    if digits[0] == "4":
        return (13, 16, 19)
    two, four = int(digits[:2]), int(digits[:4])
    if 51 <= two <= 55 or 2221 <= four <= 2720 or two == 35:
        return (16,)
    if two in (34, 37):
        return (15,)
    if two in (30, 36, 38, 39):
        return (14, 16)
    return (16, 17, 18, 19) if digits.startswith(("60", "62", "64", "65", "50", "56", "57", "58", "63", "67")) else ()


def is_iban(text: str) -> bool:
    """Check an IBAN (ISO 13616, remainder 1 modulo 97).

    Examples
    --------
    >>> is_iban("DE89 3704 0044 0532 0130 00"), is_iban("DE88370400440532013000")
    (True, False)
    """
    compact = text.replace(" ", "").upper()
    if not 15 <= len(compact) <= 34 or not compact.isalnum() or not compact.isascii():
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def is_tax_id(text: str) -> bool:
    """Check a German tax number (ISO 7064, modulo 11 and 10; one digit occurs twice or thrice).

    Examples
    --------
    >>> is_tax_id("86095742719"), is_tax_id("86095742710")
    (True, False)
    """
    digits = digits_of(text)
    if len(digits) != 11 or digits[0] == "0":
        return False
    counts = sorted(digits[:10].count(char) for char in set(digits[:10]))
    if counts[-1] not in (2, 3) or (len(counts) > 1 and counts[-2] > 1):
        return False
    product = 10
    for char in digits[:10]:
        total = (int(char) + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10 == int(digits[10])


def is_social_security_number(text: str) -> bool:
    """Check that a US social security number is of a range that was given out."""
    digits = digits_of(text)
    return digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"


def is_bitcoin_address(text: str) -> bool:
    """Check the checksum of a base58 address; a bech32 address is told by its alphabet already."""
    if text.startswith("bc1"):
        return True
    number = 0
    for char in text:
        number = number * 58 + _BASE58.index(char)
    try:
        raw = number.to_bytes(_ADDRESS_BYTES)
    except OverflowError:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def is_host_address(text: str) -> bool:
    """Tell whether a text is an IP address of some machine: loopback, unspecified and masks name nobody.

    Examples
    --------
    >>> is_host_address("203.0.113.7"), is_host_address("127.0.0.1"), is_host_address("2001:db8::8a2e:370:7334")
    (True, False, True)
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.version == 4 and max(address.packed) < 20 and address.packed[0] != 10:
        return False  # a version number
    if address.version == 6 and sum(bool(part) for part in text.split(":")) < 3:
        return False  # a slice of an array, a ratio
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or str(address).startswith("255"))
