"""Client of an OpenAI-compatible endpoint: rate-limited, retried with backoff, with tokens, cost and latency."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson
from aiolimiter import AsyncLimiter
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from serving.decision import Arm, BadInput
from serving.decision.pricing import BadUsage, PriceBook, Usage, cost_of_usage, usage_from_openai
from serving.decision.providers import RewriteOptions, rewrite_effort
from training.collector.call_log import FinishedCall

_RETRYABLE_STATUS: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_FATAL_STATUS: Final = frozenset({401, 402, 404, 405})
_MAX_WAIT_S: Final = 60.0


class EndpointRefused(BadInput):
    """The endpoint will refuse every call: a wrong address, key or model."""


class _RetryableError(Exception):
    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.after = after


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Rate limit, retries and time limits of calls.

    Parameters
    ----------
    url
        Base of the API, e.g. `https://api.openai.com/v1`.
    per_second
        Maximum rate of attempts.
    attempts
        Maximum attempts of one call.
    timeout_s
        Time limit of one attempt.
    max_tokens
        Cap on the output; None for the endpoint's own.
    backoff_s
        Wait before the second attempt, doubled for each further one, with jitter; `Retry-After` takes precedence.
    """

    url: str
    per_second: float = 20.0
    attempts: int = 6
    timeout_s: float = 600.0
    max_tokens: int | None = None
    backoff_s: float = 1.0


class CompletionClient:
    """Makes calls, concurrently in one event loop."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        settings: CallSettings,
        book: PriceBook,
        now: Callable[[], float],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._client, self._settings, self._book = client, settings, book
        self._now, self._clock, self._rng = now, clock, rng
        # A bucket of one spreads calls over the second instead of sending a burst.
        self._pace = AsyncLimiter(1, 1 / settings.per_second)

    async def call(self, key: str, arm: Arm, messages: str, expected_usd: float) -> FinishedCall:
        """Make one call; a failed call is returned with its `failure`.

        Raises
        ------
        EndpointRefused
            If no call can succeed: wrong address, key or model.
        """
        body = orjson.dumps(body_for(arm, messages, self._settings.max_tokens))
        await self._pace.acquire()
        started_at, started, tries = self._now(), self._clock(), 0
        reply: dict[str, Any] | None = None
        failure: str | None = None
        try:
            async for attempt in AsyncRetrying(
                stop=stop_after_attempt(self._settings.attempts),
                retry=retry_if_exception_type(_RetryableError),
                wait=self._wait,
                reraise=True,
            ):
                with attempt:
                    tries += 1
                    if tries > 1:
                        await self._pace.acquire()
                    reply = await self._attempt(body)
        except _RetryableError as error:
            failure = error.why
        except _CallRefused as error:
            failure = str(error)
        latency_ms = (self._clock() - started) * 1000
        return self._finished(key, arm, reply, failure, started_at, latency_ms, tries - 1, expected_usd)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _RetryableError) and error.after is not None:
            return min(error.after, _MAX_WAIT_S)
        most = min(self._settings.backoff_s * 2 ** (state.attempt_number - 1), _MAX_WAIT_S)
        return self._rng.uniform(most / 2, most)

    async def _attempt(self, body: bytes) -> dict[str, Any]:
        url = self._settings.url.rstrip("/") + "/chat/completions"
        try:
            reply = await self._client.post(
                url, content=body, headers={"content-type": "application/json"}, timeout=self._settings.timeout_s
            )
        except httpx.TimeoutException:
            raise _RetryableError("timeout") from None
        except httpx.TransportError as error:
            raise _RetryableError(f"connection: {type(error).__name__}") from None
        if reply.status_code in _FATAL_STATUS:
            raise EndpointRefused(
                f"{url} answers {reply.status_code}: check the address, the key, the credit and the arms' models"
            )
        if reply.status_code in _RETRYABLE_STATUS or reply.status_code >= 500:
            raise _RetryableError(f"status {reply.status_code}", _retry_after(reply))
        if reply.status_code != 200:
            raise _CallRefused(f"status {reply.status_code}")
        try:
            found = orjson.loads(reply.content)
            found["choices"][0]["message"]["content"]
        except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
            raise _RetryableError("reply is no chat completion") from None
        return dict(found)

    def _finished(
        self,
        key: str,
        arm: Arm,
        reply: Mapping[str, Any] | None,
        failure: str | None,
        started_at: float,
        latency_ms: float,
        retries: int,
        expected_usd: float,
    ) -> FinishedCall:
        message = reply["choices"][0]["message"] if reply else {}
        usage = _usage(reply)
        hidden = usage.reasoning_tokens if usage and not _reasoning_not_reported(message, usage) else None
        cost = None
        if usage is not None:
            rates = self._book.card(arm.name).rates(started_at, usage.input_tokens)
            cost = float(cost_of_usage(usage, rates, gpu_seconds=latency_ms / 1000))
        model = reply.get("model") if reply else None
        return FinishedCall(
            key=key,
            asked=f"{arm.model}@{arm.effort}",
            text=(message.get("content") or "") if reply else None,
            failure=failure,
            model=model if isinstance(model, str) else None,
            input_tokens=usage.input_tokens if usage else None,
            cached_input_tokens=usage.cached_input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            reasoning_tokens=hidden,
            cost_usd=cost,
            expected_usd=expected_usd,
            latency_ms=latency_ms,
            retries=retries,
            timestamp=started_at,
        )


class _CallRefused(Exception):
    """The endpoint refused this call; other calls may succeed."""


def body_for(arm: Arm, messages: str, max_tokens: int | None) -> dict[str, Any]:
    """Build the request body of an arm, with the effort in its model's dialect.

    Examples
    --------
    >>> body_for(Arm("reasoning", "gpt-5.1", "high"), '[{"role":"user","content":"Hi"}]', None)["reasoning_effort"]
    'high'
    """
    body: dict[str, Any] = {"model": arm.model, "messages": orjson.loads(messages)}
    if max_tokens is not None:
        body["max_tokens"] = max_tokens
    options = RewriteOptions(any_limit=True)  # An arm is collected at its own effort, also for labels of a few tokens.
    return dict(rewrite_effort(body, "chat", arm.effort, model=arm.model, options=options, arm=arm).body)


def effort_sent(arm: Arm) -> str | None:
    """Return the effort that the arm's calls send; None where its model has no effort parameter at such an endpoint."""
    return rewrite_effort({"model": arm.model, "messages": []}, "chat", arm.effort, model=arm.model, arm=arm).effort


def _usage(reply: Mapping[str, Any] | None) -> Usage | None:
    usage = reply.get("usage") if reply else None
    try:
        return usage_from_openai(usage) if isinstance(usage, Mapping) else None
    except BadUsage:
        return None


def _reasoning_not_reported(message: Mapping[str, Any], usage: Usage) -> bool:
    """Some servers return reasoning beside the answer but don't report its tokens."""
    shown = message.get("reasoning_content") or message.get("reasoning")
    return bool(shown) and usage.reasoning_tokens == 0


def _retry_after(reply: httpx.Response) -> float | None:
    try:
        return max(0.0, float(reply.headers["retry-after"]))
    except (KeyError, ValueError):
        return None
