"""The plugins for Kong and APISIX in LuaJIT, against a real server and the interfaces that the gateways document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from lupa import luajit21

from tests.support.codings import COMPRESS
from tests.support.servers import ROOT, Running, start_server, stop_server

LUA = ROOT / "deploy" / "lua"
PROOF = "Prove that the square root of 2 is irrational, step by step."
GATEWAYS = ["kong", "apisix"]

HTTP = """
local post = ...
package.preload["resty.http"] = function()
    return { new = function()
        local timeouts
        return {
            set_timeouts = function(_, connect, send, read) timeouts = read end,
            request_uri = function(_, url, options)
                local status, body, headers = post(url, options.body, options.headers, timeouts)
                if not status then return nil, body end
                return { status = status, body = body, headers = headers }
            end,
        }
    end }
end
"""
KONG = """
local call = ...
kong = {
    request = {
        get_method = function() return call.method end,
        get_path = function() return call.path end,
        get_header = function(name) return call.headers[name] end,
        get_raw_body = function()
            if call.on_disk then return nil, "request body did not fit into client body buffer" end
            return call.body
        end,
    },
    service = { request = {
        set_raw_body = function(text) call.body = text end,
        set_header = function(name, value) call.headers[name] = value end,
        clear_header = function(name) call.headers[name] = nil end,
    } },
    response = { set_header = function(name, value) call.shown[name] = value end },
    log = { warn = function(text) call.warned = text end },
    ctx = { plugin = {} },
}
local handler = require("kong.plugins.thinkgate.handler")
return function(config) handler:access(config); handler:header_filter(config) end
"""
APISIX = """
local call = ...
ngx = { req = { set_body_data = function(text) call.body = text end } }
package.preload["apisix.core"] = function() return {
    request = {
        get_method = function() return call.method end,
        header = function(_, name) return call.headers[name] end,
        get_body = function(max_bytes)
            if #call.body > max_bytes then return nil, "request size is greater than the maximum size allowed" end
            return call.body
        end,
        set_header = function(_, name, value) call.headers[name] = value end,
    },
    response = { set_header = function(name, value) call.shown[name] = value end },
    log = { warn = function(text) call.warned = text end },
    schema = { check = function() return true end },
} end
local plugin = require("apisix.plugins.thinkgate")
return function(config)
    local ctx = { var = { uri = call.path } }
    assert(plugin.check_schema(config))
    plugin.access(config, ctx); plugin.header_filter(config, ctx)
end
"""
MAIN = {"kong": KONG, "apisix": APISIX}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    running = start_server()
    yield running
    stop_server(running)


def run(gateway: str, url: str, body: bytes, path: str = "/v1/chat/completions", **more: Any) -> dict[str, Any]:
    """Let a call pass the plugin, and give what the model's endpoint and the client get."""
    lua = luajit21.LuaRuntime(encoding=None, unpack_returned_tuples=True)
    lua.execute(f"package.path = '{LUA}/?.lua;' .. package.path".encode())
    sent: list[dict[str, str]] = []

    def post(address: bytes, content: bytes, headers: Any, timeout_ms: int) -> Any:
        sent.append({name.decode(): value.decode() for name, value in headers.items()})
        try:
            answer = httpx.post(address.decode(), content=content, headers=sent[-1], timeout=timeout_ms / 1000)
        except httpx.HTTPError as error:
            return None, str(error).encode()
        given = lua.table_from({name.encode(): value.encode() for name, value in answer.headers.items()})
        return answer.status_code, answer.content, given

    lua.execute(HTTP.encode(), post)
    given = {"content-type": "application/json", "authorization": "Bearer secret", **more.pop("headers", {})}
    headers = lua.table_from({name.encode(): value.encode() for name, value in given.items()})
    call = lua.table_from(
        {b"method": b"POST", b"path": path.encode(), b"body": body, b"headers": headers, b"shown": lua.table()}
        | {name.encode(): value for name, value in more.items()}
    )
    act = lua.execute(MAIN[gateway].encode(), call)
    config = {b"url": url.encode(), b"timeout_ms": 10_000, b"max_body_bytes": 2_000_000, b"ssl_verify": True}
    act(lua.table_from(config | {b"forward_headers": lua.table_from([b"x-provider"])}))
    return {
        "body": call[b"body"],
        "headers": {name.decode(): value.decode() for name, value in call[b"headers"].items()},
        "shown": {name.decode(): value.decode() for name, value in call[b"shown"].items()},
        "warned": call[b"warned"],
        "asked": sent,
    }


def chat(**more: Any) -> dict[str, Any]:
    return {"model": "gpt-5.1", "messages": [{"role": "user", "content": PROOF}], **more}


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_model_call_asks_for_what_was_decided(gateway: str, server: Running) -> None:
    context = {"x-thinkgate-tenant": "acme", "x-provider": "openai"}
    got = run(gateway, server.url, json.dumps(chat()).encode(), headers=context)
    assert json.loads(got["body"]) == chat(reasoning_effort="high")
    assert got["shown"]["x-thinkgate-arm"] == "reasoning"
    assert len(got["shown"]["x-thinkgate-decision-id"]) == 26
    (asked,) = got["asked"]
    assert (asked["x-thinkgate-tenant"], asked["x-provider"]) == ("acme", "openai")
    assert "authorization" not in asked
    assert "x-thinkgate-tenant" not in got["headers"]
    assert got["headers"]["authorization"] == "Bearer secret"


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_model_of_a_path_is_named(gateway: str, server: Running) -> None:
    body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}).encode()
    got = run(gateway, server.url, body, "/v1beta/models/gemini-2.5-flash:streamGenerateContent")
    assert got["asked"][0]["x-thinkgate-model"] == "gemini-2.5-flash"
    assert got["shown"]["x-thinkgate-decision-id"]


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_compressed_body_goes_on_plain(gateway: str, server: Running) -> None:
    raw = COMPRESS["zstd"](json.dumps(chat()).encode())
    got = run(gateway, server.url, raw, headers={"content-encoding": "zstd"})
    assert json.loads(got["body"]) == chat(reasoning_effort="high")
    assert "content-encoding" not in got["headers"]
    got = run(gateway, server.url, raw[:-2], headers={"content-encoding": "zstd"})
    assert (got["body"], got["headers"]["content-encoding"]) == (raw[:-2], "zstd")


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_everything_else_goes_on_as_it_came(gateway: str, server: Running) -> None:
    for body, path in ((b"hello", "/v1/messages"), (b"", "/v1/responses"), (b"x" * 2_000_001, "/v1/messages")):
        got = run(gateway, server.url, body, path)
        assert len(got["body"]) == len(body)
        assert got["shown"] == {}
    got = run(gateway, server.url, json.dumps(chat()).encode(), "/v1/embeddings")
    assert (json.loads(got["body"]), got["asked"]) == (chat(), [])
    got = run(gateway, server.url, json.dumps(chat()).encode(), method=b"PUT")
    assert (json.loads(got["body"]), got["asked"]) == (chat(), [])


def test_body_on_disk_goes_on_unread(server: Running) -> None:
    got = run("kong", server.url, json.dumps(chat()).encode(), on_disk=True)
    assert (json.loads(got["body"]), got["asked"]) == (chat(), [])


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_calls_go_on_without_thinkgate(gateway: str) -> None:
    got = run(gateway, "http://127.0.0.1:1", json.dumps(chat()).encode())
    assert json.loads(got["body"]) == chat()
    assert got["shown"] == {}
    assert b"thinkgate was not asked" in got["warned"]


def test_files_lie_where_the_gateways_look_for_them() -> None:
    for name in ("kong/plugins/thinkgate/handler", "kong/plugins/thinkgate/schema", "apisix/plugins/thinkgate"):
        assert Path(LUA / f"{name}.lua").is_file()
