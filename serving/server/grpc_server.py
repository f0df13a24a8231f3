"""Serves gRPC beside HTTP, in the same process and on the same event loop, and drains with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from serving.auth import Authorizer
from serving.grpc_api import AuthInterceptor
from serving.server.sockets import CannotListen
from serving.server.tls import server_context

_MAX_METADATA: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files.

    Parameters
    ----------
    client_ca
        CA certificates: only callers with a certificate signed by one of them are served; None serves all.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class GrpcOptions:
    """Options of the gRPC server.

    Parameters
    ----------
    address
        In gRPC's form: `127.0.0.1:9090`, `[::1]:9090`. Several processes may share it.
    max_message_bytes
        Largest message that is read.
    tls
        None: plain text.
    """

    address: str
    max_message_bytes: int
    tls: TlsFiles | None = None


class GrpcServer:
    """The gRPC server of one worker: a companion of the HTTP server.

    Parameters
    ----------
    services
        Service name to its handler.
    authorizer
        Checks API keys, scopes and rates.
    first_interceptor
        Comes before the authorization, so that it sees refused calls too.
    """

    def __init__(
        self,
        options: GrpcOptions,
        services: dict[str, grpc.GenericRpcHandler],
        authorizer: Authorizer,
        first_interceptor: grpc.aio.ServerInterceptor | None = None,
    ) -> None:
        self._options = options
        self._interceptors = [*([] if first_interceptor is None else [first_interceptor]), AuthInterceptor(authorizer)]
        self._services = services
        self._credentials = None if options.tls is None else credentials(options.tls)
        self._server: grpc.aio.Server | None = None
        self._health: health.aio.HealthServicer | None = None

    async def start(self) -> None:
        """Listen, and report SERVING to health checks.

        Raises
        ------
        CannotListen
            The port is taken.
        """
        server = grpc.aio.server(interceptors=self._interceptors, options=_channel_options(self._options))
        server.add_generic_rpc_handlers(tuple(self._services.values()))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
        address = self._options.address
        try:
            if self._credentials is None:
                server.add_insecure_port(address)
            else:
                server.add_secure_port(address, self._credentials)
        except RuntimeError:
            raise CannotListen(f"can't listen on {address}: choose another --grpc-port (0 picks a free one)") from None
        await server.start()
        self._server = server
        for name in ("", *self._services):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, seconds: float) -> None:
        """Report NOT_SERVING, accept nothing new, and let open calls finish within `seconds`."""
        if self._server is None or self._health is None:
            return
        await self._health.enter_graceful_shutdown()
        await self._server.stop(seconds)


def credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Read the TLS files.

    Raises
    ------
    BadTls
        One can't be used.
    """
    server_context(files.cert, files.key, files.client_ca)  # its errors name the file; those of gRPC do not
    pair = (files.key.read_bytes(), files.cert.read_bytes())
    roots = None if files.client_ca is None else files.client_ca.read_bytes()
    return grpc.ssl_server_credentials([pair], root_certificates=roots, require_client_auth=roots is not None)


def _channel_options(options: GrpcOptions) -> Sequence[tuple[str, int]]:
    return (
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", options.max_message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", _MAX_METADATA),
    )
