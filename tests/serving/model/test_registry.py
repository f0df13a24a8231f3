"""Models out of a real MLflow server and a real file store: found by alias, fetched, proven, kept when it is down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import mlflow
import pytest

from serving.decision.bundle.loader import load_bundle
from serving.model.lifecycle import ModelLocations, open_first
from serving.model.live_model import LiveModel
from serving.model.registry import FileRegistry, RegistryDown, RestRegistry, open_registry
from serving.model.reloader import Reloader
from serving.model.uri import BadModelUri, parse_model_uri
from tests.support.bundles import exported, spoil
from tests.support.mlflow_server import Server
from training.promotion.registry import CHAMPION, Registry, Version

CHAMPION_URI = parse_model_uri("models:/thinkgate@champion")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server.on_a_free_port(tmp_path_factory.mktemp("mlflow"))
    server.start()
    before = mlflow.get_tracking_uri()
    yield server
    mlflow.set_tracking_uri(before)
    server.stop()


def register(registry: Registry, number: int) -> Version:
    with registry.run(f"train {number}") as run:
        return run.register(exported(number))


def test_champion_over_rest(server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One story, because a server takes its time to start."""
    registry = Registry(server.url)
    first, second, third = (register(registry, number) for number in (1, 2, 3))
    places = ModelLocations(server.url, tmp_path / "cache", None, 1.0)
    source = places.source("models:/thinkgate@champion")
    with pytest.raises(RegistryDown, match="champion"):
        source.look("")

    registry.promote(first)
    opened = open_first(source, places.prove)
    assert opened.identity == f"thinkgate/{first.version}"
    assert opened.ground.model.bundle_id == load_bundle(exported(1)).bundle_id
    live_model = LiveModel(opened.ground, None)
    reloader = Reloader("model", source, places.prove, live_model.renew, 1.0, opened.identity)
    assert not reloader.look()

    registry.promote(second)
    assert reloader.look()
    assert live_model.slot.live.bundle_id == load_bundle(exported(2)).bundle_id

    (graph,) = (server.folder / "artifacts").rglob(f"*{_model_id(server, third)}*/artifacts/model.onnx")
    whole = graph.read_bytes()
    spoil(graph.parent)
    registry.promote(third)
    for _ in range(2):
        assert not reloader.look()
    assert live_model.slot.live.bundle_id == load_bundle(exported(2)).bundle_id
    assert sum("refused" in record.message for record in caplog.records) == 1

    graph.write_bytes(whole)
    with caplog.at_level(logging.INFO):
        assert reloader.look()
    assert live_model.slot.live.bundle_id == load_bundle(exported(3)).bundle_id
    fixed = places.source(f"models:/thinkgate/{first.version}").look("")
    assert fixed is not None
    assert load_bundle(fixed.folder).bundle_id == load_bundle(exported(1)).bundle_id

    server.stop()
    for _ in range(2):
        assert not reloader.look()
    assert not reloader.stats.reachable
    assert sum("no news" in record.message for record in caplog.records) == 1
    assert live_model.slot.live.bundle_id == load_bundle(exported(3)).bundle_id
    again = open_first(places.source("models:/thinkgate@champion"), places.prove)  # a start without the registry
    assert again.ground.model.bundle_id == load_bundle(exported(3)).bundle_id
    with pytest.raises(RegistryDown, match="does not answer"):
        open_first(places.source("models:/thinkgate@challenger"), places.prove)


def _model_id(server: Server, version: Version) -> str:
    told = httpx.get(
        f"{server.url}/api/2.0/mlflow/model-versions/get", params={"name": version.name, "version": version.version}
    )
    return str(told.json()["model_version"]["source"]).rpartition("/")[2]


def test_champion_out_of_a_file_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    before = mlflow.get_tracking_uri()
    try:
        store = (tmp_path / "runs").as_uri()
        registry = Registry(store)
        registry.promote(register(registry, 1))
        assert registry.alias(CHAMPION) is not None
    finally:
        mlflow.set_tracking_uri(before)
    for address in (store, str(tmp_path / "runs")):
        places = ModelLocations(address, tmp_path / "cache", None, 1.0)
        opened = open_first(places.source("models:/thinkgate@champion"), places.prove)
        assert opened.ground.model.bundle_id == load_bundle(exported(1)).bundle_id
    with pytest.raises(RegistryDown, match="no version"):
        FileRegistry(tmp_path / "runs").find(parse_model_uri("models:/thinkgate@nobody"))


@pytest.mark.parametrize(
    "uri", ["models:/", "models:/a", "models:/a@", "models:/a@b/c", "models:/../x@y", "runs:/a/b", "models:/a/b/3"]
)
def test_bad_model_uris_show_the_good_ones(uri: str) -> None:
    with pytest.raises(BadModelUri, match="models:/NAME@ALIAS"):
        parse_model_uri(uri)


def test_other_registries_are_refused_by_name() -> None:
    with pytest.raises(BadModelUri, match="databricks"):
        open_registry("databricks://profile")


ODD = [
    (200, b"not json"),
    (200, b"[]"),
    (200, b'{"model_version": {}}'),
    (200, b'{"model_version": {"version": 7}}'),
    (401, b"denied"),
    (500, b'{"message": "boom"}'),
    (302, b""),
]


@pytest.mark.parametrize(("status", "body"), ODD)
def test_odd_answers_are_no_news(status: int, body: bytes, answering: Callable[[int, bytes], str]) -> None:
    with pytest.raises(RegistryDown):
        RestRegistry(answering(status, body), seconds=2.0).find(CHAMPION_URI)


@pytest.mark.parametrize("address", ["http://mlflow:5000", "http://user:pw@10.0.0.7:5000", "http://mlflow.example.org"])
def test_plain_http_to_another_machine_must_be_asked_for(address: str) -> None:
    with pytest.raises(BadModelUri, match="--insecure-registry") as refused:
        open_registry(address)
    assert "pw" not in str(refused.value)
    assert isinstance(open_registry(address, insecure=True), RestRegistry)
    for other in ("https://mlflow.example.org", "http://127.0.0.1:5000", "http://localhost:5000", "http://[::1]:5000"):
        assert isinstance(open_registry(other), RestRegistry)


def test_user_and_password_are_sent_and_never_shown(answering: Callable[[int, bytes], str]) -> None:
    address = answering(401, b'{"message": "no"}').replace("http://", "http://jo:s%40cret@")
    registry = RestRegistry(address, seconds=2.0)
    assert registry._headers["authorization"] == "Basic am86c0BjcmV0"
    with pytest.raises(RegistryDown) as refused:
        registry.find(CHAMPION_URI)
    assert "cret" not in str(refused.value)


@pytest.fixture
def answering() -> Iterator[Callable[[int, bytes], str]]:
    """A server that gives one fixed answer to whatever is asked."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    servers: list[HTTPServer] = []

    def start(status: int, body: bytes) -> str:
        class Fixed(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return

        made = HTTPServer(("127.0.0.1", 0), Fixed)
        servers.append(made)
        threading.Thread(target=made.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{made.server_port}"

    yield start
    for made in servers:
        made.shutdown()
        made.server_close()
