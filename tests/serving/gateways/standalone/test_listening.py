"""Addresses are checked before anything starts."""

from __future__ import annotations

import socket

import pytest

from serving.gateways.standalone.listening import AddressInUse, free_port, resolve_host


def test_a_free_port_is_given_back_and_zero_picks_one() -> None:
    port = free_port("127.0.0.1", 0, "--port")
    assert port > 0
    assert free_port("127.0.0.1", port, "--port") == port


def test_a_port_in_use_names_the_option_that_chooses_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUse, match=f"port {port} is in use.*--api-port"):
            free_port("127.0.0.1", port, "--api-port")
    with pytest.raises(AddressInUse, match="no address of this machine"):
        free_port("192.0.2.1", 0, "--port")


def test_names_become_addresses() -> None:
    assert resolve_host("localhost") in ("127.0.0.1", "::1")
    assert resolve_host("::") == "::"
    with pytest.raises(AddressInUse, match=r"127\.0\.0\.1"):
        resolve_host("no such host")
