"""Checksums: right numbers pass, and each digit counts."""

from __future__ import annotations

import pytest

from serving.journal.redaction.checksums import (
    digits_of,
    is_bitcoin_address,
    is_card,
    is_host_address,
    is_iban,
    is_social_security_number,
    is_tax_id,
)

CARDS = ["4012 8888 8888 1881", "378282246310005", "5500-0000-0000-0004", "2223003122003222", "6011.1111.1111.1117"]


@pytest.mark.parametrize("card", CARDS)
def test_a_card_with_one_wrong_digit_is_no_card(card: str) -> None:
    assert is_card(card)
    last = str((int(card[-1]) + 1) % 10)
    assert not is_card(card[:-1] + last)


def test_numbers_that_only_look_like_cards() -> None:
    for text in ("2 3 5 7 11 13 17 19 23", "0000000000000000", "9999999999999995", "45913.415495367844"):
        assert not is_card(text)


def test_accounts_and_tax_numbers() -> None:
    assert is_iban("FR76 3000 6000 0112 3456 7890 189")
    assert not is_iban("FR76 3000 6000 0112 3456 7890 188")
    assert not is_iban("short")
    assert is_tax_id("86 095 742 719")
    for wrong in ("86095742718", "06095742719", "12345678901", "11111111111", "8609574271"):
        assert not is_tax_id(wrong)
    assert is_social_security_number("536-22-8726")
    for wrong in ("000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000"):
        assert not is_social_security_number(wrong)


def test_wallets() -> None:
    assert is_bitcoin_address("1BoatSLRHtKNngkdXEeobR76b53LETtpyT")
    assert not is_bitcoin_address("1BoatSLRHtKNngkdXEeobR76b53LETtpyU")
    assert not is_bitcoin_address("z" * 40)
    assert is_bitcoin_address("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")


def test_addresses_of_machines() -> None:
    for address in ("203.0.113.77", "10.0.0.1", "2001:db8::8a2e:370:7334"):
        assert is_host_address(address)
    for other in ("127.0.0.1", "0.0.0.0", "255.255.255.0", "1.2.3.4", "300.1.1.1", "::2", "10:20:30", "::1"):
        assert not is_host_address(other)


def test_digits_of_any_script_count() -> None:
    assert digits_of("a1-2b") == "12"
