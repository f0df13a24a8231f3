"""Sockets to listen on: bound as asked for, or one line that says what to choose instead."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from serving.server.sockets import CannotListen, address_url, open_tcp, open_unix, require_free


def test_accepted_connections_do_not_wait_for_more() -> None:
    with open_tcp("127.0.0.1", 0) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_shared_sockets_bind_the_same_port_and_others_do_not() -> None:
    with open_tcp("127.0.0.1", 0, shared=True) as first:
        port = first.getsockname()[1]
        with open_tcp("127.0.0.1", port, shared=True) as second:
            assert second.getsockname() == first.getsockname()
        first.listen()
        with pytest.raises(CannotListen, match=f"port {port} on 127.0.0.1 is in use"):
            open_tcp("127.0.0.1", port)


def test_port_that_another_server_shares_is_not_free() -> None:
    with open_tcp("127.0.0.1", 0, shared=True) as other:
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CannotListen, match="--http-port"):
            require_free("127.0.0.1", port)
    require_free("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7", "x" * 300])
def test_host_that_is_not_here_is_named(host: str) -> None:
    with pytest.raises(CannotListen, match="--host") as refused:
        open_tcp(host, 0)
    assert host in str(refused.value)


def test_unix_socket_is_for_owner_and_group_and_replaces_a_dead_one(tmp_path: Path) -> None:
    path = tmp_path / "gate.sock"
    open_unix(path).close()  # the file stays, as after a crash
    with open_unix(path) as listener:
        assert path.stat().st_mode & 0o777 == 0o660
        listener.listen()
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))


def test_unix_socket_of_a_running_server_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "gate.sock"
    with open_unix(path) as listener:
        listener.listen()
        with pytest.raises(CannotListen, match="is in use"):
            open_unix(path)
        assert path.exists()


def test_path_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(CannotListen, match="is no socket"):
        open_unix(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["no/such/folder/gate.sock", "x" * 120])
def test_unix_path_that_cannot_be_bound_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(CannotListen, match="choose a shorter path"):
        open_unix(tmp_path / name)


def test_url_of_an_address_puts_ipv6_in_brackets() -> None:
    assert address_url("::", 8080) == "http://[::]:8080"
    assert address_url("localhost", 80) == "http://localhost:80"
