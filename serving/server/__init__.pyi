from .grpc_server import GrpcOptions, GrpcServer, TlsFiles
from .http_server import CompanionServer, Readiness, ServerOptions, serve_worker
from .sockets import address_url, open_tcp, open_unix, require_free
from .supervisor import Supervisor, WorkerStart
from .tls import server_context

__all__ = [
    "CompanionServer",
    "GrpcOptions",
    "GrpcServer",
    "Readiness",
    "ServerOptions",
    "Supervisor",
    "TlsFiles",
    "WorkerStart",
    "address_url",
    "open_tcp",
    "open_unix",
    "require_free",
    "serve_worker",
    "server_context",
]
