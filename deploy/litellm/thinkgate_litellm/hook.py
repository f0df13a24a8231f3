"""The callback that LiteLLM calls: asks thinkgate before each call, sets what it answers, reports the outcome after it.

It decides nothing itself and never fails a call: where thinkgate is slow, down or refuses, the call goes on unchanged
after at most the timeout.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import httpx

from thinkgate_litellm.answer import Served, read_answer, write_answer
from thinkgate_litellm.options import HookOptions, read_options
from thinkgate_litellm.outcome import success_outcome, timeout_outcome
from thinkgate_litellm.proxy_facts import ProxyFacts
from thinkgate_litellm.question import CALL_TYPES, build_question, context_headers

try:
    from litellm.integrations.custom_logger import CustomLogger
except ModuleNotFoundError:  # outside LiteLLM, in thinkgate's own tests
    CustomLogger = object

logger = logging.getLogger("thinkgate.litellm")

_FAILURES: Final = 3
_PAUSE_SECONDS: Final = 1.0
_REMEMBERED: Final = 10_000
_MAX_REPORTS: Final = 256
_MAX_BODY_BYTES: Final = 4_000_000
_REPORT_SECONDS: Final = 5.0
_QUERY: Final = "/v1/rewrite?dialect=litellm&form=merge"


class ThinkgateHook(CustomLogger):  # type: ignore[misc, unused-ignore]
    """The callback.

    Parameters
    ----------
    options
        Read from the environment at the first call where None.
    transport
        Of the HTTP client; for tests.
    clock
        Monotonic seconds.
    facts
        The proxy's model groups; looked up in the running proxy where None.
    """

    def __init__(
        self,
        options: HookOptions | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        facts: ProxyFacts | None = None,
    ) -> None:
        super().__init__()
        self._given, self._transport, self._clock = options, transport, clock
        self._facts = facts or ProxyFacts(clock)
        self._client: httpx.AsyncClient | None = None
        self._served: OrderedDict[str, Served] = OrderedDict()
        self._failed_calls: OrderedDict[str, int] = OrderedDict()
        self._reports: set[asyncio.Task[None]] = set()
        self._refused: set[int] = set()
        self._failures = 0
        self._quiet_until = 0.0

    @property
    def options(self) -> HookOptions:
        """Give the options, read from the environment where none were given."""
        if self._given is None:
            self._given = read_options(os.environ)
        return self._given

    async def async_pre_call_hook(
        self,
        user_api_key_dict: Any,
        cache: Any,  # noqa: ARG002  (LiteLLM passes these by name)
        data: dict[str, Any],
        call_type: str,
    ) -> dict[str, Any]:
        """Ask about a call before it is routed, and set what the server answers."""
        try:
            if not self._wants(data, call_type):
                return data
            groups = self._facts.groups(data["model"], user_api_key_dict)
            question = build_question(data, call_type, groups)
            headers = context_headers(data, user_api_key_dict)
        except Exception as error:  # of this one call: nobody else's calls are affected
            logger.info("a call goes on undecided: %s", type(error).__name__)
            return data
        if len(question) > _MAX_BODY_BYTES:
            return data
        try:
            served = await self._ask(data, question, headers)
            if served is not None:
                write_answer(data, served)
                self._remember(str(data.get("litellm_call_id")), served)
        except Exception as error:
            self._failed(error)
        return data

    async def async_pre_call_deployment_hook(
        self,
        kwargs: dict[str, Any],
        call_type: Any,  # noqa: ARG002  (LiteLLM's signature)
    ) -> dict[str, Any] | None:
        """Take back what was set, where LiteLLM falls back to another model group than it was set for."""
        try:
            served = self._served.get(str(kwargs.get("litellm_call_id")))
            if served is None or not served.values:
                return None
            group = _model_group(kwargs)
            return None if group is None or group == served.group else served.take_back(kwargs)
        except Exception as error:
            logger.info("a fallback goes on as it is: %s", type(error).__name__)
            return None

    async def async_post_call_response_headers_hook(
        self, data: dict[str, Any], *_: Any, **__: Any
    ) -> dict[str, str] | None:
        """Give the response headers that name the decision, so that the client can report success by its id."""
        served = self._served.get(str(data.get("litellm_call_id")))
        return None if served is None else served.client_headers

    async def async_log_success_event(
        self, kwargs: Mapping[str, Any], response_obj: Any, start_time: datetime, end_time: datetime
    ) -> None:
        """Report tokens, cost, latency and retries of a call that was answered."""
        call_id = str(kwargs.get("litellm_call_id"))
        served = self._served.get(call_id)
        if served is not None:
            retries = self._failed_calls.get(call_id, 0)
            took = end_time - start_time
            self._report(success_outcome(served.decision_id, kwargs, response_obj, took, retries))

    async def async_log_failure_event(
        self,
        kwargs: Mapping[str, Any],
        response_obj: Any,  # noqa: ARG002  (LiteLLM's signature)
        start_time: datetime,
        end_time: datetime,
    ) -> None:
        """Report a timeout; count any failure, for LiteLLM may try again."""
        call_id = str(kwargs.get("litellm_call_id"))
        served = self._served.get(call_id)
        if served is None:
            return
        self._failed_calls[call_id] = self._failed_calls.get(call_id, 0) + 1
        if "timeout" in type(kwargs.get("exception")).__name__.lower():
            self._report(timeout_outcome(served.decision_id, end_time - start_time))

    async def drain(self) -> None:
        """Wait for the reports that are under way, then close."""
        if self._reports:
            await asyncio.wait(self._reports, timeout=_REPORT_SECONDS)
        if self._client is not None:
            await self._client.aclose()

    def _wants(self, data: Mapping[str, Any], call_type: str) -> bool:
        model = data.get("model")
        if call_type not in CALL_TYPES or not isinstance(model, str) or not (data.get("messages") or data.get("input")):
            return False
        models = self.options.models
        return (not models or model in models) and self._clock() >= self._quiet_until

    async def _ask(self, data: Mapping[str, Any], question: bytes, headers: Mapping[str, str]) -> Served | None:
        said = {**headers, "content-type": "application/json"}
        asked = self._open().post(_QUERY, content=question, headers=said)
        answer = await asyncio.wait_for(asked, self.options.timeout_ms / 1000.0)
        if httpx.codes.is_client_error(answer.status_code):
            self._refusal(answer.status_code)
            self._failures = 0
            return None
        answer.raise_for_status()
        served = read_answer(data, answer.json(), answer.headers)
        self._failures = 0
        return served

    def _refusal(self, status: int) -> None:
        """Log a refusal: an answer about one body is none about the server, but a wrong key or address is said once."""
        if status in (401, 403, 404) and status not in self._refused:
            self._refused.add(status)
            logger.warning("thinkgate refuses all calls (status %d): check THINKGATE_API_KEY and THINKGATE_URL", status)
        else:
            logger.debug("no decision: status %d", status)

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

    def _remember(self, call_id: str, served: Served) -> None:
        self._served[call_id] = served
        for remembered in (self._served, self._failed_calls):
            if len(remembered) > _REMEMBERED:
                remembered.popitem(last=False)

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
        except (httpx.HTTPError, ValueError) as error:
            logger.warning("an outcome is lost: %s", type(error).__name__)


def _model_group(kwargs: Mapping[str, Any]) -> str | None:
    for name in ("litellm_metadata", "metadata"):
        metadata = kwargs.get(name)
        if isinstance(metadata, Mapping) and metadata.get("model_group"):
            return str(metadata["model_group"])
    return None
