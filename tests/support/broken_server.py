"""A real server process whose engine fails at every request, quoting it: `python -m tests.support.broken_server`."""

from __future__ import annotations

import logging
import sys

from serving.auth.authorizer import Authorizer
from serving.grpc_api.servicers import DECISIONS, DecisionServicer
from serving.http_api.app import build_api
from serving.schemas.limits import RequestLimits
from serving.server.grpc_server import GrpcOptions, GrpcServer
from serving.server.http_server import Readiness, ServerOptions, serve_worker
from serving.server.sockets import open_tcp
from tests.support.fakes import BrokenDecider, make_service


def main() -> None:
    """Serve HTTP and gRPC on free ports until SIGTERM."""
    logging.basicConfig(stream=sys.stderr)
    service = make_service(BrokenDecider(), "reason")
    readiness = Readiness()
    with open_tcp("127.0.0.1", 0) as http, open_tcp("127.0.0.1", 0, shared=True) as reserved:
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        services = {DECISIONS: DecisionServicer(service, RequestLimits()).handler()}
        companion = GrpcServer(GrpcOptions(address, 65536), services, Authorizer())
        port = http.getsockname()[1]
        app = build_api(service, RequestLimits(), readiness, "0")

        def announce() -> None:
            print(f"ready at http://127.0.0.1:{port}, gRPC at {address}", flush=True)

        serve_worker(app, [http], ServerOptions(2.0), readiness, announce, companions=[companion])


if __name__ == "__main__":
    main()
