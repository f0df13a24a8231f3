"""LiteLLM callback: asks thinkgate for a decision before each chat call, and reports the outcome after it.

This file runs inside the LiteLLM proxy with nothing of thinkgate beside it, so it is long: it needs httpx only, which
LiteLLM brings along. Copy it next to LiteLLM's `config.yaml` (deploy/litellm holds an example) and name it there:
`litellm_settings: {callbacks: ["litellm_hook.gate"]}`. Arms name models as that configuration does. LiteLLM itself
translates an effort into each provider's parameters.

Where thinkgate is slow, down or refuses, the call goes on unchanged after at most the timeout.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import httpx

try:
    from litellm.integrations.custom_logger import CustomLogger
except ModuleNotFoundError:  # outside LiteLLM, in thinkgate's own environment
    CustomLogger = object

logger = logging.getLogger("thinkgate.litellm")

_CHAT: Final = frozenset({"completion", "acompletion"})
_EFFORTS: Final = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
_FAILURES: Final = 3
_PAUSE_SECONDS: Final = 1.0
_REMEMBERED: Final = 10_000
_MAX_REPORTS: Final = 256
_REPORT_SECONDS: Final = 5.0
_MAX_NAME: Final = 256


class HookOptions(NamedTuple):
    """How thinkgate is reached. (A dataclass would not survive the way in which LiteLLM loads this file.)

    Parameters
    ----------
    url
        Of its HTTP API; variable THINKGATE_URL.
    api_key
        With the scopes decide and report; variable THINKGATE_API_KEY.
    timeout_ms
        Longest time that a call waits for a decision; variable THINKGATE_TIMEOUT_MS.
    models
        Only calls for these models are decided on; all of them where empty; variable THINKGATE_MODELS, comma-separated.
    """

    url: str = "http://127.0.0.1:8080"
    api_key: str | None = None
    timeout_ms: float = 50.0
    models: frozenset[str] = frozenset()


_DEFAULTS: Final = HookOptions()


class _Served:
    """The decision on one call, and how often the call failed since."""

    __slots__ = ("decision", "failures")

    def __init__(self, decision: Mapping[str, Any]) -> None:
        self.decision = decision
        self.failures = 0


class ThinkgateHook(CustomLogger):  # type: ignore[misc, unused-ignore]
    """The callback that LiteLLM calls.

    Parameters
    ----------
    options
        Read from the environment at the first call where None.
    transport
        Of the HTTP client; for tests.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        options: HookOptions | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._given, self._transport, self._clock = options, transport, clock
        self._client: httpx.AsyncClient | None = None
        self._served: OrderedDict[str, _Served] = OrderedDict()
        self._reports: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._quiet_until = 0.0

    @property
    def options(self) -> HookOptions:
        """Give the options, read from the environment where none were given."""
        if self._given is None:
            self._given = _from_environment(os.environ)
        return self._given

    async def async_pre_call_hook(
        self,
        user_api_key_dict: Any,
        cache: Any,  # noqa: ARG002  (LiteLLM passes these by name)
        data: dict[str, Any],
        call_type: str,
    ) -> dict[str, Any]:
        """Ask for a decision before a chat call; set its model and effort accordingly."""
        try:
            if call_type in _CHAT and self._wants(data):
                request = decision_request(data, user_api_key_dict)
                decision = await self._ask(request)
                if decision is not None:
                    _apply(data, decision, _deployed(str(decision["model"])))
                    self._remember(str(data.get("litellm_call_id")), decision)
        except Exception as error:
            self._failed(error)
        return data

    async def async_post_call_response_headers_hook(
        self, data: dict[str, Any], *_: Any, **__: Any
    ) -> dict[str, str] | None:
        """Give the response headers that name the decision, so that the client can report success by its id."""
        served = self._served.get(str(data.get("litellm_call_id")))
        if served is None:
            return None
        names = {"decision-id": "decision_id", "arm": "arm", "effort": "effort", "bucket": "bucket"}
        return {f"x-thinkgate-{name}": str(served.decision[key]) for name, key in names.items()}

    async def async_log_success_event(
        self, kwargs: Mapping[str, Any], response_obj: Any, start_time: datetime, end_time: datetime
    ) -> None:
        """Report tokens, cost, latency and retries of a call that was answered."""
        served = self._served.get(str(kwargs.get("litellm_call_id")))
        if served is not None:
            self._report(_outcome(served, kwargs, response_obj, end_time - start_time))

    async def async_log_failure_event(
        self,
        kwargs: Mapping[str, Any],
        response_obj: Any,  # noqa: ARG002  (LiteLLM's signature)
        start_time: datetime,
        end_time: datetime,
    ) -> None:
        """Report a timeout; count any failure, for LiteLLM may try again."""
        served = self._served.get(str(kwargs.get("litellm_call_id")))
        if served is None:
            return
        served.failures += 1
        if "timeout" in type(kwargs.get("exception")).__name__.lower():
            latency_ms = (end_time - start_time).total_seconds() * 1000.0
            decision_id = served.decision["decision_id"]
            self._report({"decision_id": decision_id, "failure_mode": "timeout", "latency_ms": latency_ms})

    async def drain(self) -> None:
        """Wait for the reports that are under way, then close."""
        if self._reports:
            await asyncio.wait(self._reports, timeout=_REPORT_SECONDS)
        if self._client is not None:
            await self._client.aclose()

    def _wants(self, data: Mapping[str, Any]) -> bool:
        models = self.options.models
        turns = data.get("messages")
        if not isinstance(turns, list) or not turns or (models and data.get("model") not in models):
            return False
        # In an open tool loop a model keeps its mode, and a client's own thinking parameters stand.
        in_loop = isinstance(turns[-1], Mapping) and turns[-1].get("role") in ("tool", "function")
        return not in_loop and "thinking" not in data and self._clock() >= self._quiet_until

    async def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        async with asyncio.timeout(self.options.timeout_ms / 1000.0):
            answer = await self._open().post("/v1/decisions", json=request)
        if answer.status_code != httpx.codes.OK:
            # A refusal is an answer: the server works, it can't decide on this request.
            logger.debug("no decision: status %d", answer.status_code)
            return None
        self._failures = 0
        decision: Mapping[str, Any] = answer.json()
        return decision

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            options = self.options
            headers = {"x-api-key": options.api_key} if options.api_key else {}
            self._client = httpx.AsyncClient(
                base_url=options.url, headers=headers, timeout=_REPORT_SECONDS, transport=self._transport
            )
        return self._client

    def _failed(self, error: Exception) -> None:
        """Stop asking for a moment after a few failures in a row: a dead server must not cost each call the timeout."""
        self._failures += 1
        if self._failures >= _FAILURES:
            self._quiet_until = self._clock() + _PAUSE_SECONDS
        logger.warning("the call goes on undecided: %s", type(error).__name__)

    def _remember(self, call_id: str, decision: Mapping[str, Any]) -> None:
        self._served[call_id] = _Served(decision)
        if len(self._served) > _REMEMBERED:
            self._served.popitem(last=False)

    def _report(self, outcome: Mapping[str, Any]) -> None:
        if len(self._reports) >= _MAX_REPORTS:
            logger.warning("an outcome is lost: %d reports are under way", len(self._reports))
            return
        task = asyncio.get_running_loop().create_task(self._send(outcome))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _send(self, outcome: Mapping[str, Any]) -> None:
        try:
            answer = await self._open().post("/v1/outcomes", json=outcome)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            logger.warning("an outcome is lost: %s", type(error).__name__)


def decision_request(data: Mapping[str, Any], caller: Any) -> dict[str, Any]:
    """Build the decision request: texts and counts only, no image data, no parameters.

    Parameters
    ----------
    data
        LiteLLM's request.
    caller
        LiteLLM's user; its team, or else its key's alias, is the tenant.

    Examples
    --------
    >>> decision_request({"model": "m", "messages": [{"role": "user", "content": "Hi", "name": "x"}]}, None)
    {'messages': [{'role': 'user', 'content': 'Hi'}], 'model': 'm'}
    """
    metadata = data.get("metadata") or {}
    said = {
        "messages": [_turn(turn) for turn in data["messages"]],
        "model": data.get("model"),
        "tenant": getattr(caller, "team_id", None) or getattr(caller, "key_alias", None),
        "session_id": data.get("litellm_session_id") or metadata.get("session_id"),
        "task": metadata.get("task"),
        "client_effort": _client_effort(data.get("reasoning_effort")),
        "tools": len(data["tools"]) if isinstance(data.get("tools"), list) else None,
    }
    return {name: value[:_MAX_NAME] if isinstance(value, str) else value for name, value in said.items() if value}


def _client_effort(value: Any) -> str | None:
    """Read an effort as LiteLLM takes it: a word, or an object with `effort`; None for anything else."""
    word = value.get("effort") if isinstance(value, dict) else value
    word = word.strip().lower() if isinstance(word, str) else None
    if word in ("disable", "disabled", "off"):
        return "none"
    return word if word in _EFFORTS else None


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    content = turn.get("content")
    if isinstance(content, list):
        content = [
            {name: part[name] for name in ("type", "text") if name in part} if isinstance(part, Mapping) else part
            for part in content
        ]
    slim = {"role": turn.get("role"), "content": content}
    return slim | ({"tool_calls": [{}] * len(turn["tool_calls"])} if turn.get("tool_calls") else {})


def _apply(data: dict[str, Any], decision: Mapping[str, Any], deployed: Sequence[str] | None) -> None:
    """Write the decision into the request.

    Parameters
    ----------
    deployed
        LiteLLM's models behind the decision's model name; None where it knows no such name.
    """
    if deployed is None:
        if data.get("model") != decision["model"]:
            return  # the decided model is not deployed here, and its effort fits no other
    else:
        data["model"] = decision["model"]
    effort = decision["effort"]
    if all(_takes(model, effort) for model in deployed or (decision["model"],)):
        data["reasoning_effort"] = effort
    else:
        data.pop("reasoning_effort", None)


def _deployed(model: str) -> Sequence[str] | None:
    """Look a name up in the proxy's own configuration."""
    from litellm.proxy import proxy_server  # only there inside the proxy

    router = proxy_server.llm_router
    found = router.get_model_list(model_name=model) if router is not None else None
    return [str(deployment["litellm_params"]["model"]) for deployment in found] if found else None


def _takes(model: str, effort: str) -> bool:
    """Tell whether a provider accepts this effort: some answer an unknown one with an error."""
    import litellm

    name, provider = litellm.get_llm_provider(model)[:2]
    if "reasoning_effort" not in (litellm.get_supported_openai_params(name, provider) or ()):
        return False
    if effort != "none" or provider not in ("openai", "azure"):
        return True
    return bool(litellm.utils.supports_none_reasoning_effort(name, provider))


def _outcome(served: _Served, kwargs: Mapping[str, Any], response: Any, took: Any) -> dict[str, Any]:
    usage = getattr(response, "usage", None)
    hidden = getattr(getattr(usage, "completion_tokens_details", None), "reasoning_tokens", None)
    cached = getattr(getattr(usage, "prompt_tokens_details", None), "cached_tokens", None)
    fields = {
        "decision_id": served.decision["decision_id"],
        "input_tokens": getattr(usage, "prompt_tokens", None),
        "cached_input_tokens": cached,
        "output_tokens": getattr(usage, "completion_tokens", None),
        "reasoning_tokens": hidden,
        "cost_usd": kwargs.get("response_cost"),
        "latency_ms": took.total_seconds() * 1000.0,
        "retries": served.failures,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _from_environment(environment: Mapping[str, str]) -> HookOptions:
    models = (name.strip() for name in environment.get("THINKGATE_MODELS", "").split(","))
    return HookOptions(
        url=environment.get("THINKGATE_URL") or _DEFAULTS.url,
        api_key=environment.get("THINKGATE_API_KEY") or None,
        timeout_ms=float(environment.get("THINKGATE_TIMEOUT_MS") or _DEFAULTS.timeout_ms),
        models=frozenset(name for name in models if name),
    )


gate = ThinkgateHook()
"""What `config.yaml` names; it reads the environment at the first call, and opens nothing before."""
