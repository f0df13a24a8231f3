"""Everything between a client and its model: the real Envoy, the real server behind it, and fakes of LLM endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.decision_clients import grpc_address
from tests.support.envoy_proxy import CONFIG, start_envoy, with_ports
from tests.support.fake_upstream import Upstream, serve_upstream
from tests.support.servers import Running, free_ports, start_server, stop_server
from tests.support.waiting import wait_for_outcome

TRIVIA = "What is the capital of France?"
PROOF = "Prove that the square root of 2 is irrational, step by step."
PRICE = "price_usd_per_mtok = { input = 1.25, output = 10.0 }\n"
FAMILIES = {"openai": "gpt-5.1", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
ARMS = "".join(
    f'[[arm]]\nname = "{name}-{kind}"\nmodel = "{model}"\neffort = "{effort}"\n{PRICE}'
    f"default_output_tokens = {tokens}\n"
    for name, model in FAMILIES.items()
    for kind, effort, tokens in (("direct", "none", 300), ("reasoning", "high", 2500))
)
ARMS += f'[[arm]]\nname = "o3"\nmodel = "o3"\neffort = "high"\n{PRICE}'
POLICY = "value_of_success_usd = 0.5\n" + "".join(
    f'[[rule]]\nallow = ["{name}-direct", "{name}-reasoning"]\nheader = {{ x-provider = "{name}" }}\n'
    for name in FAMILIES
)
POLICY += '[[rule]]\nallow = ["o3"]\nheader = { x-provider = "other" }\n'
POLICY += '[[rule]]\ndeny = ["o3"]\nheader = { x-provider = "none" }\n'
POLICY += '[[rule]]\nallow = ["o3"]\nheader = { x-provider = "none" }\n'


@dataclass
class Gate:
    """Envoys, one for each name, in front of one server and its endpoints."""

    urls: Mapping[str, str]
    upstream: Upstream
    reasoner: Upstream
    server: Running
    journal: Path
    admins: Mapping[str, str]
    """Admin interfaces of the Envoys."""

    @property
    def url(self) -> str:
        return next(iter(self.urls.values()))

    def outcome(self, answer: httpx.Response) -> dict[str, Any]:
        return wait_for_outcome(self.journal, answer.headers["x-thinkgate-decision-id"])

    def post(
        self, path: str, body: Any, provider: str = "openai", envoy: str | None = None, **headers: str
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json", "x-provider": provider, **headers}
        url = self.url if envoy is None else self.urls[envoy]
        return httpx.post(url + path, content=content, headers=sent, timeout=30)


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-5.1", "messages": [{"role": "user", "content": text}], **more}


@contextmanager
def serve_gate(folder: Path, configs: Mapping[str, str] | None = None, *options: str) -> Iterator[Gate]:
    """Run one Envoy for each configuration while the block runs; by default the example as it is."""
    (folder / "arms.toml").write_text(ARMS)
    (folder / "policy.toml").write_text(POLICY)
    given = ("--grpc-port", "0", "--arms", str(folder / "arms.toml"), "--policy", str(folder / "policy.toml"))
    journal = folder / "journal.db"
    running = start_server(*given, "--cold-start", "--journal", f"sqlite:///{journal}", *options)
    envoys, urls, admins = [], {}, {}
    with serve_upstream() as upstream, serve_upstream() as reasoner:
        thinkgate = int(grpc_address(running).rpartition(":")[2])
        try:
            for name, config in (configs or {"example": CONFIG.read_text()}).items():
                listener, admin = free_ports(2)
                ports = {10000: listener, 9090: thinkgate, 8000: upstream.port, 8001: reasoner.port, 9901: admin}
                (folder / name).mkdir()
                envoys.append(start_envoy(with_ports(config, ports), folder / name, admin))
                urls[name], admins[name] = f"http://127.0.0.1:{listener}", f"http://127.0.0.1:{admin}"
            yield Gate(urls, upstream, reasoner, running, journal, admins)
        finally:
            for process in envoys:
                process.terminate()
                process.wait(20)
            stop_server(running)
