"""One call as a gateway's webhook brings it: decided by the one rule set, in those words that the gateway sends on.

The gateway keeps its own choice of the model: it ignores another one in the body, or has no key for its provider.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs

from serving.decision import Applied, Arm, BadRequest, Decision, Effort, Integration
from serving.decision.providers import (
    ParsedBody,
    Rewrite,
    apply_decision,
    client_effort,
    parse_body,
    read_gateway_headers,
    strip_effort,
    target_capability,
)
from serving.decision.selection import EveryArmDenied
from serving.http_api.asgi import Scope
from serving.http_api.webhooks.forwarding import Forwarding
from serving.schemas import HEADER_PREFIX, Headers
from serving.service import FAILED, DecisionService, Rewriting, continues_loop, counting_unread, rewrite_decided

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_DROP: Final = "drop-sampling"


@dataclass(frozen=True, slots=True)
class Context:
    """What is said of a call beside its body.

    Parameters
    ----------
    headers
        The `x-thinkgate-*` headers by lower-case name.
    """

    headers: dict[str, str]
    drop_sampling: bool


@dataclass(frozen=True, slots=True)
class GatewayCall:
    """One call.

    Parameters
    ----------
    body
        As the gateway holds it; not modified.
    forwarding
        What of it reaches the provider.
    """

    body: dict[str, Any]
    forwarding: Forwarding
    integration: Integration

    @property
    def view(self) -> dict[str, Any]:
        """The body as the rules judge it: without the efforts that the gateway drops."""
        bare = {key: dict(value) if isinstance(value, dict) else value for key, value in self.body.items()}
        strip_effort(bare)
        dropped = {key for key, value in self.body.items() if key not in bare or bare[key] != value}
        return {key: value for key, value in self.body.items() if key not in dropped - self.forwarding.keys}


def read_context(scope: Scope) -> Context:
    """Read what query and headers of a webhook's call say; the query wins."""
    prefix = HEADER_PREFIX.encode()
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name.startswith(prefix)
    }
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    drop = query[_DROP][-1] if _DROP in query else headers.get(HEADER_PREFIX + _DROP, "")
    return Context(headers, drop.lower() in _TRUE)


def rewrite_call(
    service: DecisionService,
    call: GatewayCall,
    context: Context,
    headers: Headers,
    write: Callable[[Rewriting], bytes | None],
) -> tuple[bytes | None, Rewriting]:
    """Decide a call, rewrite it, and write the answer; the caller owes a `notify_rewritten`.

    Parameters
    ----------
    headers
        Of the webhook's call.
    write
        Writes the answer; where it raises, the sinks hear of a decision that was not applied.

    Raises
    ------
    BadRequest, EveryArmDenied, Rejected
        Nothing is decided or nothing is owed: the call goes on as it is.
    """
    with counting_unread(service, call.integration):
        parsed = _parse(call, context)
    parsed = replace(parsed, request=service.identify(parsed.request, headers))
    try:
        decided = service.answer(parsed.request, headers)
    except EveryArmDenied:
        service.pass_over("refused", call.integration)
        raise
    keeps, view, model = continues_loop(service, decided), call.view, str(call.body["model"])

    def apply(decision: Decision, arm: Arm | None) -> Rewrite:
        stays = replace(decision, model=model)
        found = apply_decision(view, parsed, stays, continue_loop=keeps, drop_sampling=context.drop_sampling, arm=arm)
        return _said(call, parsed, found, arm)

    rewriting = rewrite_decided(service, parsed, decided, call.integration, apply)
    try:
        return write(rewriting), rewriting
    except Exception:
        service.notify(parsed.request, decided, headers, Applied(None, None, FAILED, integration=call.integration))
        raise


def _parse(call: GatewayCall, context: Context) -> ParsedBody:
    model, forwarding = call.body.get("model"), call.forwarding
    if not isinstance(model, str) or not model:
        raise BadRequest("the call names no model")
    return parse_body(
        call.view, forwarding.api, model=model, headers=read_gateway_headers(context.headers), host=forwarding.host
    )


def _said(call: GatewayCall, parsed: ParsedBody, found: Rewrite, arm: Arm | None) -> Rewrite:
    """Carry a rewrite of the view over to the body; leave the body where the gateway would drop a part of it."""
    changed = {key: found.body[key] for key in found.merge if key in found.body}
    if not changed.keys() <= call.forwarding.keys:
        stated = client_effort(call.view, parsed.api)
        note = "the gateway does not send on the words for this effort"
        asked = stated or _default(parsed, arm)
        return replace(
            found,
            body=call.body,
            merge={},
            patch=(),
            effort=stated,
            note=note,
            not_applied="no_words",
            asked_effort=asked,
        )
    kept = {key: value for key, value in call.body.items() if key not in found.merge or key in found.body}
    return replace(found, body={**kept, **changed})


def _default(parsed: ParsedBody, arm: Arm | None) -> Effort | None:
    default = target_capability(parsed.model or "", parsed.api, arm, parsed.host).default
    return "high" if default == "on" else default
