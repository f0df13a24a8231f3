"""The door: what each call needs, and the answer to those that do not have it; never a 5xx."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.auth.api_keys import NewKey, Scope, make_key
from serving.auth.authorizer import Authorizer, Caller, token_of
from serving.auth.key_file import KeyFile, write_keys
from serving.grpc_api import auth_interceptor as grpc_door
from serving.grpc_api.auth_interceptor import AuthInterceptor
from serving.http_api import auth_middleware as http_door
from serving.http_api.app import build_api
from serving.http_api.auth_middleware import require_key
from serving.proto.thinkgate.v1 import decision_pb2, outcome_pb2
from serving.schemas.limits import RequestLimits
from serving.schemas.problems import Problem
from tests.support.fakes import JSON, Answer, Client, LengthDecider, make_service

ONE = "/v1/decisions"
BATCH = "/v1/decisions/batch"


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class House:
    """An HTTP API behind a door with a key of each scope and a slow one."""

    def __init__(self, folder: Path) -> None:
        scopes: tuple[Scope, ...] = ("decide", "report", "metrics", "admin")
        self.keys: dict[str, NewKey] = {scope: make_key(scope, [scope]) for scope in scopes}
        self.keys["slow"] = make_key("slow", ["decide"], decisions_per_second=1.0, burst=3.0)
        self.keys["old"] = make_key("old", ["decide"], expires_at=900.0)
        self.path = folder / "keys.toml"
        write_keys(self.path, [made.key for made in self.keys.values()])
        self.clock = Clock()
        self.authorizer = Authorizer(KeyFile(self.path), epoch=self.clock, monotonic=self.clock)
        api = build_api(make_service(LengthDecider()), RequestLimits(), lambda: True, "0.1.0")
        self.client = Client(require_key(api, self.authorizer))

    def post(self, key: str, path: str = ONE, body: object = None) -> Answer:
        header = ("authorization", f"Bearer {self.keys[key].token}")
        return self.client.post(path, {"prompt": "Hi"} if body is None else body, (*JSON, header))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_the_right_key_comes_in_either_way(house: House) -> None:
    assert house.post("decide").status == 200
    token = house.keys["decide"].token
    assert house.client.post(ONE, {"prompt": "Hi"}, (*JSON, ("x-api-key", token))).status == 200


@pytest.mark.parametrize("key", ["report", "metrics", "admin"])
def test_another_scope_does_not_reach(house: House, key: str) -> None:
    answer = house.post(key)
    assert (answer.status, answer.json()["type"]) == (403, "urn:thinkgate:problem:forbidden")
    assert "decide" in answer.json()["detail"]


def test_no_key_and_bad_keys_are_asked_for_one(house: House) -> None:
    headers = [
        (),
        (("authorization", "Bearer"),),
        (("authorization", "Bearer tg_nobody_" + "0" * 64),),
        (("authorization", f"Basic {house.keys['decide'].token}"),),
        (("x-api-key", house.keys["old"].token),),
        (("x-api-key", "é" * 100),),
        (("x-api-key", "x" * 100_000),),
    ]
    for sent in headers:
        answer = house.client.post(ONE, {"prompt": "Hi"}, (*JSON, *sent))
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="thinkgate"')
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert house.client.taken == 0
    assert sum(house.authorizer.refused.values()) == len(headers)


def test_status_and_documents_are_open(house: House) -> None:
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert house.client.get(path).status == 200
    assert house.client.get("/v1/model").status == 401
    assert house.client.get("/nothing").status == 401
    for key in house.keys.keys() - {"old", "slow"}:
        sent = (("x-api-key", house.keys[key].token),)
        assert house.client.call("GET", "/v1/model", headers=sent).status == 200


def test_what_is_not_listed_needs_an_admin(house: House) -> None:
    assert house.post("decide", "/v1/later").status == 403
    assert house.post("admin", "/v1/later").status == 404


def test_a_journalled_decision_is_read_by_an_admin_only(house: House) -> None:
    path = "/v1/decisions/01J"
    for key in ("decide", "report", "metrics"):
        assert house.client.call("GET", path, headers=(("x-api-key", house.keys[key].token),)).status == 403
    assert house.client.get(path).status == 401
    assert house.client.call("GET", path, headers=(("x-api-key", house.keys["admin"].token),)).status == 404


def test_every_documented_route_says_what_it_needs(house: House) -> None:
    paths = house.client.get("/openapi.json").json()["paths"]
    listed = {path for path, verbs in paths.items() if path in http_door.PATH_SCOPES}
    admin = {path for path in paths if path.startswith("/v1/admin/")}
    assert set(paths) == listed | admin


def test_rate_is_kept_and_says_when_to_come_back(house: House) -> None:
    assert [house.post("slow").status for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = house.post("slow")
    assert (refused.headers["retry-after"], refused.json()["type"]) == ("1", "urn:thinkgate:problem:rate-limited")
    assert house.post("decide").status == 200
    house.clock.now += 1.01
    assert [house.post("slow").status for _ in range(2)] == [200, 429]
    assert house.authorizer.refused["rate-limited", house.keys["slow"].key.key_id] == 4


def test_a_batch_costs_what_it_holds(house: House) -> None:
    batch = {"requests": [{"prompt": "Hi"}] * 10}
    assert house.post("slow", BATCH, batch).status == 200
    house.clock.now += 7.9
    assert house.post("slow").status == 429
    house.clock.now += 0.2
    assert house.post("slow").status == 200


def test_rotation_needs_no_restart(house: House) -> None:
    fresh = make_key("decide", ["decide"])
    old = house.keys["decide"]
    write_keys(house.path, [old.key, fresh.key])
    house.authorizer.refresh()
    for made in (old, fresh):
        assert house.client.post(ONE, {"prompt": "a"}, (*JSON, ("x-api-key", made.token))).status == 200
    write_keys(house.path, [fresh.key])
    house.authorizer.refresh()
    assert house.post("decide").status == 401


def test_without_keys_all_but_changes_are_open() -> None:
    authorizer = Authorizer()
    for need in ("decide", "report", "metrics", "any key", "nothing", "admin if locked"):
        assert authorizer.authorize(None, need) == Caller()  # type: ignore[arg-type]
    refused = authorizer.authorize("tg_x_y", "admin")
    assert isinstance(refused, Problem)
    assert "--keys" in refused.detail


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["authorization", "x-api-key", "content-type", "retry-after"]),
            st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=80),
        ),
        max_size=4,
    ),
    st.sampled_from([ONE, BATCH, "/v1/model", "/metrics", "/v1/outcomes", "/x", "/healthz"]),
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
)
def test_no_header_makes_it_fail(
    tmp_path_factory: pytest.TempPathFactory, headers: list[tuple[str, str]], path: str, method: str
) -> None:
    house = _house(tmp_path_factory)
    latin = [(name, value.encode("latin-1").decode("utf-8", "replace")) for name, value in headers]
    answer = house.client.call(method, path, [b"{}"], latin)
    assert answer.status < 500


_HOUSES: list[House] = []


def _house(tmp_path_factory: pytest.TempPathFactory) -> House:
    if not _HOUSES:
        _HOUSES.append(House(tmp_path_factory.mktemp("house")))
    return _HOUSES[0]


def test_token_of_prefers_its_own_header() -> None:
    assert token_of("Bearer a", "b") == "b"
    assert token_of(None, None) is None


def test_grpc_has_the_same_door(house: House) -> None:
    asyncio.run(_call_grpc(house))


async def _call_grpc(house: House) -> None:
    server = grpc.aio.server(interceptors=[AuthInterceptor(house.authorizer)])
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler("thinkgate.v1.DecisionService", _decisions()),
            grpc.method_handlers_generic_handler("thinkgate.v1.OutcomeService", _decisions()),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", _decisions()),
            grpc.method_handlers_generic_handler("envoy.service.ext_proc.v3.ExternalProcessor", _decisions()),
            grpc.method_handlers_generic_handler("some.Other", _decisions()),
        ]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await _check_grpc(channel, house)
    finally:
        await server.stop(0)


async def _check_grpc(channel: grpc.aio.Channel, house: House) -> None:
    async def status(service: str, key: str | None = None, method: str = "Decide", header: str = "x-api-key") -> str:
        value = "" if key is None else house.keys[key].token
        metadata = () if key is None else ((header, f"Bearer {value}" if header == "authorization" else value),)
        try:
            if method == "Process":
                call = channel.stream_stream(f"/{service}/{method}")([b"a"], metadata=metadata)
                async for _ in call:
                    pass
            else:
                batch = decision_pb2.DecideBatchRequest(requests=[decision_pb2.DecideRequest()] * 10)
                body = batch.SerializeToString() if method == "DecideBatch" else b""
                await channel.unary_unary(f"/{service}/{method}")(body, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return "OK"

    decisions, envoy = "thinkgate.v1.DecisionService", "envoy.service.ext_proc.v3.ExternalProcessor"
    assert await status("grpc.health.v1.Health") == "OK"
    assert await status(decisions) == "UNAUTHENTICATED"
    assert await status(decisions, "report") == "PERMISSION_DENIED"
    assert await status(decisions, "decide") == "OK"
    assert await status(decisions, "decide", header="authorization") == "OK"
    assert await status("thinkgate.v1.OutcomeService", "report") == "OK"
    assert await status("some.Other", "decide") == "PERMISSION_DENIED"
    assert await status("some.Other", "admin") == "OK"
    assert await status(envoy, None, "Process") == "UNAUTHENTICATED"
    assert await status(envoy, "decide", "Process") == "OK"
    assert await status(decisions, "slow", "DecideBatch") == "OK"
    assert await status(decisions, "slow") == "RESOURCE_EXHAUSTED"
    house.clock.now += 8.1
    assert await status(decisions, "slow") == "OK"


def _decisions() -> dict[str, grpc.RpcMethodHandler]:
    async def answer(_request: object, _context: object) -> bytes:
        return b""

    async def stream(requests: object, _context: object) -> object:
        yield b""

    read = decision_pb2.DecideBatchRequest.FromString
    return {
        "Decide": grpc.unary_unary_rpc_method_handler(answer),
        "DecideBatch": grpc.unary_unary_rpc_method_handler(answer, read),
        "Process": grpc.stream_stream_rpc_method_handler(stream),
    }


def test_grpc_services_are_listed() -> None:
    ours = [file.DESCRIPTOR.services_by_name.values() for file in (decision_pb2, outcome_pb2)]
    names = {service.full_name for services in ours for service in services}
    assert names <= set(grpc_door.SERVICE_SCOPES)
