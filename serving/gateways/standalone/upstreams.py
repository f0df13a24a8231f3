"""Upstreams of the gateway: the provider URLs that were named, and the paths at which the gateway offers them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

from serving.decision import BadInput

Style = Literal["openai", "anthropic", "other"]
"""Whose SDK calls it: OpenAI's base URL includes the version, Anthropic's does not."""

DEFAULT_NAME: Final = "default"
"""Name, in policy rules, of the upstream that was given without one."""
_NAMED: Final = re.compile(r"(?P<name>[A-Za-z0-9_.-]*)=(?P<url>.*)", re.DOTALL)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_ENDPOINT: Final = re.compile(r"/(chat/completions|completions|responses|messages|embeddings|models)$")
_BASE_PATHS: Final = {"api.openai.com": "/v1", "openrouter.ai": "/api/v1", "api.groq.com": "/openai/v1"}
"""Base path of hosts that are often named without it."""


class BadUpstream(BadInput):
    """An upstream that can't be used; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """One provider endpoint.

    Parameters
    ----------
    name
        First segment of its paths at the gateway; empty for the one that has the gateway's root.
    host
        Name or address, IPv6 without brackets.
    path
        Base path, empty or `/...` without a slash at the end.
    """

    name: str
    tls: bool
    host: str
    port: int
    path: str
    style: Style

    @property
    def label(self) -> str:
        """Name in policy rules (header `x-thinkgate-upstream`) and in Envoy's configuration."""
        return self.name or DEFAULT_NAME

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True

    @property
    def authority(self) -> str:
        """Value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The base URL at the provider."""
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.path}"

    def base_url(self, gateway_url: str) -> str:
        """Give the base URL for an SDK that calls it through the gateway.

        Examples
        --------
        >>> [each.base_url("http://g") for each in parse_upstreams(["https://api.openai.com/v1",
        ...     "anthropic=https://api.anthropic.com", "gemini=https://generativelanguage.googleapis.com/v1beta/openai"])]
        ['http://g/v1', 'http://g/anthropic', 'http://g/gemini/v1']
        """
        mount = f"{gateway_url}/{self.name}" if self.name else gateway_url
        return f"{mount}/v1" if self.style == "openai" and self.path else mount


@dataclass(frozen=True, slots=True)
class PathRule:
    """Calls below one path of the gateway, and what replaces that path at the upstream.

    Parameters
    ----------
    prefix, replacement
        Both begin and end with a slash.
    """

    prefix: str
    replacement: str


def path_rules(upstream: Upstream) -> tuple[PathRule, ...]:
    """Give the paths of an upstream, the most special first.

    An OpenAI-compatible one answers below `/v1` whatever its own base path is; the upstream at the root also takes its
    own paths as they are.

    Examples
    --------
    >>> [(rule.prefix, rule.replacement) for rule in path_rules(parse_upstreams(["https://openrouter.ai/api/v1"])[0])]
    [('/api/v1/', '/api/v1/'), ('/v1/', '/api/v1/'), ('/', '/')]
    """
    mount = f"/{upstream.name}" if upstream.name else ""
    base = f"{upstream.path}/"
    rules = []
    if not upstream.name and upstream.path:
        rules.append(PathRule(base, base))
    if upstream.style == "openai" and upstream.path and (upstream.name or base != "/v1/"):
        rules.append(PathRule(f"{mount}/v1/", base))
    root_is_plain = not upstream.name and upstream.style != "anthropic"
    rules.append(PathRule(f"{mount}/", "/" if root_is_plain else base))
    return tuple(rules)


def parse_upstreams(texts: Sequence[str]) -> tuple[Upstream, ...]:
    """Parse the upstreams of a command line, each `URL` or `NAME=URL`.

    Returns
    -------
    tuple of Upstream
        In their order; at most one has no name.

    Raises
    ------
    BadUpstream
        With what to write instead.
    """
    upstreams = tuple(_parse(text.strip()) for text in texts)
    names = [upstream.name for upstream in upstreams]
    if names.count("") > 1:
        raise BadUpstream("only one --upstream may have no name: write --upstream NAME=URL for the others")
    for name in names:
        if names.count(name) > 1:
            raise BadUpstream(f"--upstream {name}=...: this name is there twice; choose another")
    return upstreams


def _parse(text: str) -> Upstream:
    named = _NAMED.fullmatch(text)
    name, url = (named["name"], named["url"]) if named else ("", text)
    shown = text if "@" not in text else f"{name}=..."  # a password is not repeated
    if (named and (not _NAME.fullmatch(name) or name == DEFAULT_NAME)) or re.fullmatch(r"v\d+(beta|alpha)?", name):
        raise BadUpstream(
            f"--upstream {shown}: a name is lower-case letters, digits and dashes, no version, and not {DEFAULT_NAME!r}"
        )
    parts, port = _split(url, shown)
    tls = parts.scheme == "https"
    host = str(parts.hostname)
    path = parts.path.rstrip("/") or _BASE_PATHS.get(host, "")
    endpoint = _ENDPOINT.search(path)
    if endpoint:
        raise BadUpstream(
            f"--upstream {shown} is one endpoint: name the base URL that your SDK has, without {endpoint[0]}"
        )
    style = _style(host, path)
    if style != "openai":
        path = re.sub(r"/v1(beta)?$", "", path)  # their SDKs add that themselves
    return Upstream(name, tls, host, port or (443 if tls else 80), path, style)


def _split(url: str, shown: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadUpstream(f"--upstream {shown} is no URL: write one like https://api.openai.com/v1") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        guess = "" if "://" in url or not re.match(r"[\w.-]+\.\w+|localhost", url) else f": write https://{url}"
        raise BadUpstream(
            f"--upstream {shown} is no http(s) URL{guess or '; write one like https://api.openai.com/v1'}"
        )
    if parts.username is not None or parts.password is not None:
        raise BadUpstream("--upstream: no user or password in the URL; clients send their own keys, which pass through")
    if parts.query or parts.fragment:
        raise BadUpstream(f"--upstream {shown}: leave out what follows the ?; the SDK sends it (default_query)")
    if not re.fullmatch(r"[A-Za-z0-9._:%-]+", parts.hostname) or not re.fullmatch(
        r"(/[\w.~:@!$&'()*+,;=%-]+)*/?", parts.path
    ):
        raise BadUpstream(f"--upstream {shown} is no URL: write one like https://api.openai.com/v1")
    return parts, port


def _style(host: str, path: str) -> Style:
    if host.endswith("anthropic.com") or path.removesuffix("/v1").endswith("/anthropic"):
        return "anthropic"
    if host.endswith("googleapis.com") and not path.endswith(("/openai", "/openapi")):
        return "other"
    return "openai"
