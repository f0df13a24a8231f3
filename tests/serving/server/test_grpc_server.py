"""The gRPC server of a worker: health, reflection, limits, TLS, keys, drain, several workers."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serving.auth.api_keys import make_key
from serving.auth.authorizer import Authorizer
from serving.auth.key_file import write_keys
from serving.proto.thinkgate.v1 import decision_pb2 as pb
from serving.server.grpc_server import GrpcOptions, GrpcServer, TlsFiles, credentials
from serving.server.sockets import CannotListen, open_tcp
from serving.server.tls import BadTls
from tests.support.certificates import Authority, Pair
from tests.support.decision_clients import GrpcApiClient, grpc_address
from tests.support.servers import Launch, Running, start_server, stop_server

HI = pb.DecideRequest(prompt="Hi").SerializeToString()
DECIDE = "/thinkgate.v1.DecisionService/Decide"


@pytest.fixture(scope="module")
def spoken() -> Iterator[Running]:
    running = start_server("--grpc-port", "0", "--max-body-bytes", "65536")
    yield running
    stop_server(running)


@pytest.fixture
def channel(spoken: Running) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(grpc_address(spoken)) as channel:
        yield channel


def test_health_tells_of_every_service(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for name in ("", "thinkgate.v1.DecisionService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as unknown:
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=10)
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND


def test_reflection_describes_the_services(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="thinkgate.v1.DecisionService"),
    ]
    listed, described = stub.ServerReflectionInfo(iter(asked), timeout=10)
    names = {service.name for service in listed.list_services_response.service}
    assert {"thinkgate.v1.DecisionService", "grpc.health.v1.Health"} <= names
    assert described.file_descriptor_response.file_descriptor_proto


def test_message_that_is_too_large_is_refused(channel: grpc.Channel) -> None:
    large = pb.DecideRequest(prompt="a" * 70_000).SerializeToString()
    bomb = pb.DecideRequest(prompt="a" * 50_000_000).SerializeToString()
    call = channel.unary_unary(DECIDE)
    for raw, compression in ((large, None), (bomb, grpc.Compression.Gzip)):
        with pytest.raises(grpc.RpcError) as refused:
            call(raw, timeout=30, compression=compression)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert call(HI, timeout=10)


def test_unknown_method_is_unimplemented(channel: grpc.Channel) -> None:
    for path in ("/thinkgate.v1.DecisionService/Guess", "/nobody/Decide"):
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(path)(HI, timeout=10)
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_sigterm_lets_open_batches_finish(launch: Launch) -> None:
    running = launch("--grpc-port", "0", "--max-batch", "4096")
    item = pb.DecideRequest(prompt="Plan the move of a billing service to three regions. " * 15)
    batch = pb.DecideBatchRequest(requests=[item] * 2000).SerializeToString()
    with grpc.insecure_channel(grpc_address(running)) as channel:
        assert channel.unary_unary(DECIDE)(HI, timeout=10)
        pending = channel.unary_unary("/thinkgate.v1.DecisionService/DecideBatch").future(batch, timeout=60)
        _until_asked(running)
        running.process.send_signal(signal.SIGTERM)
        answer = pb.DecideBatchResponse.FromString(pending.result())
    assert len(answer.results) == 2000
    assert running.process.wait(20) == 0
    assert "Traceback" not in running.log()


def test_workers_share_the_port(launch: Launch) -> None:
    running = launch("--grpc-port", "0", "--workers", "2")
    for _ in range(10):
        client = GrpcApiClient(running)
        assert client.decide({"prompt": "Hi"}).decision
        client.close()
    assert running.end() == 0


@dataclass(frozen=True)
class Pki:
    """A certificate authority, and what it issued to a server and to a caller."""

    ca: Path
    server: Pair
    caller: Pair


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    authority = Authority(tmp_path_factory.mktemp("pki"))
    return Pki(authority.cert, authority.issue("server"), authority.issue("caller"))


def _ask(address: str, credentials_: grpc.ChannelCredentials) -> bytes:
    with grpc.secure_channel(address, credentials_) as channel:
        return cast(bytes, channel.unary_unary(DECIDE)(HI, timeout=10))


def test_mtls_serves_known_callers_only(launch: Launch, pki: Pki) -> None:
    tls = ("--tls-cert", str(pki.server.cert), "--tls-key", str(pki.server.key), "--tls-client-ca", str(pki.ca))
    address = grpc_address(launch("--grpc-port", "0", *tls))
    roots = pki.ca.read_bytes()
    pair = (pki.caller.key.read_bytes(), pki.caller.cert.read_bytes())
    assert _ask(address, grpc.ssl_channel_credentials(roots, *pair))
    with pytest.raises(grpc.RpcError) as refused:
        _ask(address, grpc.ssl_channel_credentials(roots))
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError):
        channel.unary_unary(DECIDE)(HI, timeout=5)


def test_tls_without_client_certificates(launch: Launch, pki: Pki) -> None:
    address = grpc_address(
        launch("--grpc-port", "0", "--tls-cert", str(pki.server.cert), "--tls-key", str(pki.server.key))
    )
    assert _ask(address, grpc.ssl_channel_credentials(pki.ca.read_bytes()))


def test_unusable_tls_is_said(pki: Pki) -> None:
    with pytest.raises(BadTls, match="PEM"):
        credentials(TlsFiles(pki.server.cert, pki.ca))


def test_keys_are_asked_for(launch: Launch, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    made = make_key("gateway", ["decide"])
    write_keys(keys, [made.key])
    running = launch("--grpc-port", "0", "--keys", str(keys))
    with grpc.insecure_channel(grpc_address(running)) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(DECIDE)(HI, timeout=10)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert channel.unary_unary(DECIDE)(HI, timeout=10, metadata=(("x-api-key", made.token),))


def _until_asked(running: Running) -> None:
    """Wait until the server is at work on the batch: its decisions count up while HTTP still answers."""
    with httpx.Client(base_url=running.url) as http:
        for _ in range(500):
            if http.get("/v1/model").json()["decisions"] > 20:
                return
            time.sleep(0.01)
    raise AssertionError("the batch did not begin")


def test_port_that_is_taken_is_said() -> None:
    with open_tcp("127.0.0.1", 0) as taken:
        taken.listen()
        server = GrpcServer(GrpcOptions(f"127.0.0.1:{taken.getsockname()[1]}", 1000), {}, Authorizer())
        with pytest.raises(CannotListen, match="--grpc-port"):
            asyncio.run(server.start())


def test_server_that_never_started_can_be_stopped() -> None:
    asyncio.run(GrpcServer(GrpcOptions("127.0.0.1:0", 1000), {}, Authorizer()).stop(1.0))
