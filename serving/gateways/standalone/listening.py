"""Checks the addresses that the gateway is to listen on, before anything is started."""

from __future__ import annotations

import errno
import os
import socket

from serving.decision import BadInput


class AddressInUse(BadInput):
    """An address that can't be listened on; the message says what to choose instead."""


def resolve_host(host: str) -> str:
    """Give the IP address of a host of this machine.

    Raises
    ------
    AddressInUse
        It has none.

    Examples
    --------
    >>> resolve_host("127.0.0.1"), resolve_host("0.0.0.0")
    ('127.0.0.1', '0.0.0.0')
    """
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise AddressInUse(f"--host {host} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all") from None
    return str(min(found, key=lambda entry: entry[0] != socket.AF_INET)[4][0])


def free_port(address: str, port: int, option: str) -> int:
    """Make sure that a port can be listened on.

    Parameters
    ----------
    address
        IP address.
    port
        0 for any.
    option
        What chooses another, for the message.

    Returns
    -------
    int
        The port; for 0 one that was free a moment ago.

    Raises
    ------
    AddressInUse
        In use, not permitted, or no address of this machine.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            raise AddressInUse(_explain(error, address, port, option)) from None
        chosen: int = probe.getsockname()[1]
        return chosen


def _explain(error: OSError, address: str, port: int, option: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} is in use: stop what listens there, or choose another with {option} (0 is a free one)"
        case errno.EACCES:
            return f"port {port} needs a privilege: choose one from 1024 on with {option}"
        case errno.EADDRNOTAVAIL:
            return f"--host {address} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all"
    return f"port {port}: {os.strerror(error.errno or 0)}; choose another with {option}"
