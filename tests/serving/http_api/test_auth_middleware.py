"""Auth middleware: what each route needs, and the answer to calls that do not have it; never a 5xx."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.auth.api_keys import make_key
from serving.auth.key_file import write_keys
from serving.http_api.app import build_api
from serving.http_api.auth_middleware import PATH_SCOPES, require_key
from serving.schemas.limits import RequestLimits
from serving.service.decision_service import DecisionService
from tests.support.api_keys import KeySet
from tests.support.fakes import JSON, Answer, Client, LengthDecider, make_service

ONE = "/v1/decisions"
BATCH = "/v1/decisions/batch"


class KeyedApi(KeySet):
    """An HTTP API that asks for keys."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        api = build_api(make_service(LengthDecider()), RequestLimits(), lambda: True, "0.1.0")
        self.client = Client(require_key(api, self.authorizer))

    def post(self, key: str, path: str = ONE, body: object = None) -> Answer:
        header = ("authorization", f"Bearer {self.token(key)}")
        return self.client.post(path, {"prompt": "Hi"} if body is None else body, (*JSON, header))


@pytest.fixture
def keyed(tmp_path: Path) -> KeyedApi:
    return KeyedApi(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> KeyedApi:
    return KeyedApi(tmp_path_factory.mktemp("keys"))


def test_the_right_key_comes_in_either_way(keyed: KeyedApi) -> None:
    assert keyed.post("decide").status == 200
    token = keyed.token("decide")
    assert keyed.client.post(ONE, {"prompt": "Hi"}, (*JSON, ("x-api-key", token))).status == 200


@pytest.mark.parametrize("key", ["report", "metrics", "admin"])
def test_another_scope_does_not_reach(keyed: KeyedApi, key: str) -> None:
    answer = keyed.post(key)
    assert (answer.status, answer.json()["type"]) == (403, "urn:thinkgate:problem:forbidden")
    assert "decide" in answer.json()["detail"]


def test_no_key_and_bad_keys_are_asked_for_one(keyed: KeyedApi) -> None:
    headers = [
        (),
        (("authorization", "Bearer"),),
        (("authorization", "Bearer tg_nobody_" + "0" * 64),),
        (("authorization", f"Basic {keyed.keys['decide'].token}"),),
        (("x-api-key", keyed.token("old")),),
        (("x-api-key", "é" * 100),),
        (("x-api-key", "x" * 100_000),),
    ]
    for sent in headers:
        answer = keyed.client.post(ONE, {"prompt": "Hi"}, (*JSON, *sent))
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="thinkgate"')
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert keyed.client.taken == 0
    assert sum(keyed.authorizer.refused.values()) == len(headers)


def test_status_and_documents_are_open(keyed: KeyedApi) -> None:
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert keyed.client.get(path).status == 200
    assert keyed.client.get("/v1/model").status == 401
    assert keyed.client.get("/nothing").status == 401
    for key in keyed.keys.keys() - {"old", "slow"}:
        sent = (("x-api-key", keyed.token(key)),)
        assert keyed.client.call("GET", "/v1/model", headers=sent).status == 200


def test_what_is_not_listed_needs_an_admin(keyed: KeyedApi) -> None:
    assert keyed.post("decide", "/v1/later").status == 403
    assert keyed.post("admin", "/v1/later").status == 404


def test_a_journalled_decision_is_read_by_an_admin_only(keyed: KeyedApi) -> None:
    path = "/v1/decisions/01J"
    for key in ("decide", "report", "metrics"):
        assert keyed.client.call("GET", path, headers=(("x-api-key", keyed.token(key)),)).status == 403
    assert keyed.client.get(path).status == 401
    assert keyed.client.call("GET", path, headers=(("x-api-key", keyed.token("admin")),)).status == 404


def test_every_documented_route_says_what_it_needs(keyed: KeyedApi) -> None:
    paths = keyed.client.get("/openapi.json").json()["paths"]
    listed = {path for path in paths if path in PATH_SCOPES or path.startswith("/v1/webhooks/")}
    admin = {path for path in paths if path.startswith("/v1/admin/")}
    assert set(paths) == listed | admin


def test_rate_is_kept_and_says_when_to_come_back(keyed: KeyedApi) -> None:
    assert [keyed.post("slow").status for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = keyed.post("slow")
    assert (refused.headers["retry-after"], refused.json()["type"]) == ("1", "urn:thinkgate:problem:rate-limited")
    assert keyed.post("decide").status == 200
    keyed.clock.now += 1.01
    assert [keyed.post("slow").status for _ in range(2)] == [200, 429]
    assert keyed.authorizer.refused["rate-limited", keyed.keys["slow"].key.key_id] == 4


def test_a_batch_costs_what_it_holds(keyed: KeyedApi) -> None:
    batch = {"requests": [{"prompt": "Hi"}] * 10}
    assert keyed.post("slow", BATCH, batch).status == 200
    keyed.clock.now += 7.9
    assert keyed.post("slow").status == 429
    keyed.clock.now += 0.2
    assert keyed.post("slow").status == 200


def test_rotation_needs_no_restart(keyed: KeyedApi) -> None:
    fresh = make_key("decide", ["decide"])
    old = keyed.keys["decide"]
    write_keys(keyed.path, [old.key, fresh.key])
    keyed.authorizer.refresh()
    for made in (old, fresh):
        assert keyed.client.post(ONE, {"prompt": "a"}, (*JSON, ("x-api-key", made.token))).status == 200
    write_keys(keyed.path, [fresh.key])
    keyed.authorizer.refresh()
    assert keyed.post("decide").status == 401


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
def test_no_header_makes_it_fail(shared: KeyedApi, headers: list[tuple[str, str]], path: str, method: str) -> None:
    latin = [(name, value.encode("latin-1").decode("utf-8", "replace")) for name, value in headers]
    answer = shared.client.call(method, path, [b"{}"], latin)
    assert answer.status < 500


WEBHOOKS = (
    "/v1/webhooks/portkey",
    "/v1/webhooks/plano/v1/chat/completions",
    "/v1/webhooks/plano/v1/chat",
    "/v1/webhooks/plano/x",
)


@pytest.mark.parametrize("path", WEBHOOKS)
def test_a_refused_webhook_call_goes_on_undecided(tmp_path: Path, path: str) -> None:
    """A 401 or 429 there would make a user's call fail; a call that may not be decided on is given back unread."""
    keys, decider, told = KeySet(tmp_path), LengthDecider(), list[tuple[str, str]]()
    service = DecisionService(
        make_service(decider).slot, "baseline", lambda: 0, str, passed_over=lambda *each: told.append(each)
    )
    client = Client(require_key(build_api(service, RequestLimits(), lambda: True, "0.1.0"), keys.authorizer))
    raw = b'{"model": "gpt-5.1", "messages": [{"role": "user",  "content": "Hi"}]}'
    for token in ("Bearer sk-of-the-client", f"Bearer {keys.token('report')}", f"Bearer {keys.token('old')}"):
        answer = client.post(path, raw, (*JSON, ("authorization", token)))
        assert answer.status == 200
        assert answer.json()["verdict"] is True if "portkey" in path else answer.body == raw
    integration = "portkey" if "portkey" in path else "plano"
    assert (decider.seen, told) == ([], [("refused", integration)] * 3)
    assert client.get(path).status == 401


@pytest.mark.parametrize("path", WEBHOOKS[:2])
def test_a_webhook_is_decided_with_a_key_of_its_scope(keyed: KeyedApi, path: str) -> None:
    call = {"model": "gpt-5.1", "messages": [{"role": "user", "content": "Hi"}]}
    body = {
        "request": {"json": call},
        "provider": "openai",
        "requestType": "chatComplete",
        "eventType": "beforeRequestHook",
    }
    assert b'"reasoning_effort":"none"' in keyed.post("decide", path, body if "portkey" in path else call).body


@pytest.mark.parametrize("path", ["/v1/webhooks", "/v1/decisions/webhooks/", "/v1/webhooks/nobody", "/v1/webhooks/"])
def test_no_other_path_is_reached_without_a_key(keyed: KeyedApi, path: str) -> None:
    assert keyed.client.post(path, {"prompt": "Hi"}).status in (401, 404, 405)
