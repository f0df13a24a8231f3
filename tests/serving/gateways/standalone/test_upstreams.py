"""Upstreams: what is accepted, what is refused and how, and the paths that reach them."""

from __future__ import annotations

import pytest

from serving.gateways.standalone.upstreams import BadUpstream, Upstream, parse_upstreams, path_rules

G = "http://127.0.0.1:8800"


def one(text: str) -> Upstream:
    (upstream,) = parse_upstreams([text])
    return upstream


def sent_to(upstream: Upstream, path: str) -> str | None:
    """What the upstream gets for a path of the gateway, by the first rule that fits, as Envoy does it."""
    for rule in path_rules(upstream):
        if path.startswith(rule.prefix):
            return upstream.url.removesuffix(upstream.path) + rule.replacement + path.removeprefix(rule.prefix)
    return None


# Given, base_url to paste, what the SDK appends, where it must arrive.
SDKS = [
    ("https://api.openai.com/v1", "", "/chat/completions", "https://api.openai.com/v1/chat/completions"),
    ("https://api.openai.com", "", "/responses", "https://api.openai.com/v1/responses"),
    ("https://api.anthropic.com", "", "/v1/messages", "https://api.anthropic.com/v1/messages"),
    ("https://api.anthropic.com/v1/", "", "/v1/messages", "https://api.anthropic.com/v1/messages"),
    ("https://openrouter.ai/api/v1", "", "/chat/completions", "https://openrouter.ai/api/v1/chat/completions"),
    ("https://api.deepseek.com", "", "/chat/completions", "https://api.deepseek.com/chat/completions"),
    ("https://api.deepseek.com/anthropic", "", "/v1/messages", "https://api.deepseek.com/anthropic/v1/messages"),
    (
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        "",
        "/chat/completions",
        "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
    ),
    (
        "https://generativelanguage.googleapis.com",
        "",
        "/v1beta/models/gemini-2.5-flash:generateContent?key=K",
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent?key=K",
    ),
    (
        "https://res.openai.azure.com/openai/v1",
        "",
        "/responses?api-version=preview",
        "https://res.openai.azure.com/openai/v1/responses?api-version=preview",
    ),
    (
        "https://res.openai.azure.com",
        "",
        "/openai/deployments/chat/chat/completions?api-version=2024-10-21",
        "https://res.openai.azure.com/openai/deployments/chat/chat/completions?api-version=2024-10-21",
    ),
    ("http://[::1]:8000/v1", "", "/models", "http://[::1]:8000/v1/models"),
]


@pytest.mark.parametrize("name", ["", "mine="])
@pytest.mark.parametrize(("given", "_", "appended", "arrives"), SDKS)
def test_an_sdk_with_the_printed_base_url_arrives(given: str, _: str, appended: str, arrives: str, name: str) -> None:
    upstream = one(name + given)
    path = upstream.base_url(G).removeprefix(G) + appended
    assert sent_to(upstream, path) == arrives


def test_printed_base_urls_end_as_each_sdk_wants_it() -> None:
    assert one("https://api.openai.com/v1").base_url(G) == f"{G}/v1"
    assert one("anthropic=https://api.anthropic.com").base_url(G) == f"{G}/anthropic"
    assert one("openrouter=https://openrouter.ai/api/v1").base_url(G) == f"{G}/openrouter/v1"


def test_the_root_takes_the_upstream_s_own_paths_too() -> None:
    root = one("https://openrouter.ai/api/v1")
    assert sent_to(root, "/api/v1/key") == "https://openrouter.ai/api/v1/key"
    named = one("mine=https://api.openai.com/v1")
    assert sent_to(named, "/mine/chat/completions") == "https://api.openai.com/v1/chat/completions"
    assert sent_to(named, "/minefield/v1") is None


def test_authority_names_the_port_where_it_is_no_usual_one() -> None:
    given = ["https://a.example/v1", "https://a.example:8443", "http://a.example:80", "http://[::1]:8000"]
    assert [one(text).authority for text in given] == ["a.example", "a.example:8443", "a.example", "[::1]:8000"]


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("api.openai.com/v1", "https://api.openai.com/v1"),
        ("openai=api.openai.com/v1", "https://api.openai.com/v1"),
        ("localhost:8000", "https://localhost:8000"),
        ("ftp://host/v1", "https://api.openai.com/v1"),
        ("https://", "https://api.openai.com/v1"),
        ("https://host:99999/v1", "no URL"),
        ("https://host:port/v1", "no URL"),
        ("https://ho st/v1", "no URL"),
        ("https://host/a b", "no URL"),
        ("https://api.openai.com/v1/chat/completions", "without /chat/completions"),
        ("https://api.anthropic.com/v1/messages", "without /messages"),
        ("https://host/v1?api-version=1", "default_query"),
        ("Open_AI=https://api.openai.com/v1", "lower-case"),
        ("=https://api.openai.com/v1", "lower-case"),
        ("v1=https://api.openai.com/v1", "version"),
        ("default=https://api.openai.com/v1", "default"),
        ("", "https://api.openai.com/v1"),
    ],
)
def test_what_can_t_be_used_is_refused_with_the_cure(text: str, cure: str) -> None:
    with pytest.raises(BadUpstream) as raised:
        parse_upstreams([text])
    assert cure in str(raised.value)


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(BadUpstream) as raised:
        parse_upstreams(["https://me:hunter2@host/v1"])
    assert "hunter2" not in str(raised.value)


def test_names_tell_upstreams_apart() -> None:
    with pytest.raises(BadUpstream, match="NAME=URL"):
        parse_upstreams(["https://a.example/v1", "https://b.example/v1"])
    with pytest.raises(BadUpstream, match="choose another"):
        parse_upstreams(["a=https://a.example/v1", "a=https://b.example/v1"])
