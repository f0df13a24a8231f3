"""Real servers that speak HTTP and gRPC, and a client for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.decision_clients import ApiClient, GrpcApiClient, HttpApiClient
from tests.support.servers import Running, start_server, stop_server

POLICY = """
name = "contract"
[[rule]]
deny = ["direct"]
header = { x-plan = "none" }
[[rule]]
deny = ["reasoning"]
header = { x-plan = "none" }
[[rule]]
deny = ["reasoning"]
header = { x-plan = "basic" }
"""
CLIENTS = {"http": HttpApiClient, "grpc": GrpcApiClient}


@pytest.fixture(scope="package")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server with small limits that speaks both."""
    folder = tmp_path_factory.mktemp("both")
    policy = folder / "policy.toml"
    policy.write_text(POLICY)
    journal = ("--journal", f"sqlite:///{folder}/journal.db")
    limits = ("--max-messages", "5", "--max-batch", "3", "--max-body-bytes", "65536")
    running = start_server("--grpc-port", "0", "--policy", str(policy), *journal, *limits)
    yield running
    stop_server(running)


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, both: Running) -> Iterator[ApiClient]:
    made = CLIENTS[request.param](both)
    yield made
    made.close()
