"""Opens the sockets that the server listens on; errors say what to choose instead."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path
from typing import Final

from serving.decision import BadInput

_UDS_MODE: Final = 0o660


class CannotListen(BadInput):
    """The address can't be listened on; the message says what to choose instead."""


def open_tcp(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Bind a TCP socket; the server that uses it calls `listen`.

    Parameters
    ----------
    host, port
        Address to bind; port 0 picks a free one.
    shared
        Let other sockets bind the same address (SO_REUSEPORT): the kernel then spreads connections over those that
        listen.

    Returns
    -------
    socket.socket
        Bound, not listening, without Nagle's delay (accepted connections inherit that).

    Raises
    ------
    CannotListen
        Unknown host, port in use, no permission.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise CannotListen(
            f"--host {host} is no address of this machine: use 127.0.0.1, or a name that resolves"
        ) from None
    family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if shared:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind(address)
    except OSError as error:
        opened.close()
        raise CannotListen(_explain(error, host, port)) from None
    return opened


def require_free(host: str, port: int) -> None:
    """Make sure that nobody listens there yet: a shared socket would silently join another server's group.

    Raises
    ------
    CannotListen
        As `open_tcp`.
    """
    probe = open_tcp(host, port)
    try:
        probe.listen(1)
    except OSError as error:
        raise CannotListen(_explain(error, host, port)) from None
    finally:
        probe.close()


def open_unix(path: Path) -> socket.socket:
    """Bind a Unix socket that owner and group may use; the file that a dead server left is replaced.

    Raises
    ------
    CannotListen
        Another server answers there, the path is no socket, or the folder can't be written.
    """
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead_socket(path)
        previous = os.umask(0o777 & ~_UDS_MODE)
        try:
            opened.bind(str(path))
        finally:
            os.umask(previous)
    except OSError as error:
        opened.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListen(f"--uds {path}: {reason}; choose a shorter path in a folder that can be written") from None
    except CannotListen:
        opened.close()
        raise
    return opened


def address_url(host: str, port: int) -> str:
    """Give the URL of an address.

    Examples
    --------
    >>> address_url("127.0.0.1", 8080), address_url("::1", 80)
    ('http://127.0.0.1:8080', 'http://[::1]:80')
    """
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _remove_dead_socket(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CannotListen(f"--uds {path} is no socket: remove it, or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(1.0)
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        else:
            raise CannotListen(f"--uds {path} is in use: stop the server that listens there, or choose another path")


def _explain(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            cure = "stop what listens there, or choose another with --http-port (0 picks a free one)"
            return f"port {port} on {host} is in use: {cure}"
        case errno.EACCES:
            return f"port {port} needs a privilege: choose one from 1024 on with --http-port"
        case errno.EADDRNOTAVAIL:
            return f"--host {host} is no address of this machine: use 127.0.0.1, or one that `ip address` lists"
        case _:
            return f"can't listen on {host} port {port}: {os.strerror(error.errno or 0)}"
