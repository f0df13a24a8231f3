"""Real servers that speak HTTP and gRPC, and a face for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.decision_clients import Face, OverGrpc, OverHttp
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
FACES = {"http": OverHttp, "grpc": OverGrpc}


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


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest, both: Running) -> Iterator[Face]:
    made = FACES[request.param](both)
    yield made
    made.close()
