"""Answers `POST /v1/rewrite`: a provider's body in, the body that asks for what was decided out.

A gateway passes the client's body as it is, and sends on what comes back. What was decided stands in `x-thinkgate-*`
headers. A body that can't be read is answered with a problem (4xx): then the gateway sends the client's body on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

import orjson

from serving.decision.engine import RecordedDecision
from serving.decision.errors import BadRequest
from serving.decision.providers.endpoints import dialect
from serving.decision.providers.gateway_headers import read_gateway_hints
from serving.decision.providers.request_body import parse_body
from serving.decision.providers.rewrite import Rewrite, apply_decision
from serving.decision.selection.arm_scoring import EveryArmDenied
from serving.http_api.asgi import (
    NO_CONTENT_ALLOWED,
    SECURITY,
    ClientGoneError,
    Receive,
    Scope,
    Send,
    answer_json,
    answer_problem,
    read_json_body,
)
from serving.schemas.limits import RequestLimits
from serving.schemas.lossless_json import Document, read_lossless, write_lossless
from serving.schemas.problems import DENIED, INVALID, WRONG_METHOD, Headers, Problem, Rejected
from serving.schemas.rewrite_headers import HEADER_PREFIX, decision_headers
from serving.service.decision_service import DecisionService

FORMS: Final = {
    "body": b"application/json",
    "patch": b"application/json-patch+json",
    "merge": b"application/merge-patch+json",
}
"""What may come back, and its media type: the whole body, RFC 6902 operations, an RFC 7396 merge patch."""
_FIXED: Final = (*SECURITY, NO_CONTENT_ALLOWED)
_TRUE: Final = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the caller says beside the body; `decision_headers` holds its `x-thinkgate-*` headers by lower-case name."""

    form: str
    dialect: str | None
    model: str | None
    drop_sampling: bool
    told: dict[str, str]


class RewriteRoute:
    """The route as an ASGI application.

    Parameters
    ----------
    guard
        Decides.
    limits
        Enforced on every call.
    """

    def __init__(self, guard: DecisionService, limits: RequestLimits) -> None:
        self._guard = guard
        self._limits = limits

    async def rewrite(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        try:
            if scope["method"] != "POST":
                raise Rejected(Problem(WRONG_METHOD, "use POST with a JSON body", headers=((b"allow", b"POST"),)))
            wanted = _wanted(scope)
            raw = await read_json_body(scope, receive, self._limits.body)
            body, headers = self._rewrite(raw, wanted, scope["headers"])
        except Rejected as rejected:
            await answer_problem(rejected.problem, receive, send)
        except ClientGoneError:
            return
        else:
            await answer_json(send, body, headers=headers)

    def _rewrite(self, raw: bytes | bytearray, wanted: _Wanted, headers: Headers) -> tuple[bytes | bytearray, Headers]:
        document = read_lossless(raw)
        try:
            if not isinstance(document.value, dict):
                raise BadRequest("the body must be a JSON object: send the body of a model call as it is")
            api = None if wanted.dialect is None else dialect(wanted.dialect)
            reading = parse_body(document.value, api, model=wanted.model, hints=read_gateway_hints(wanted.told))
            decided = self._guard.decide_recorded(reading.request, headers)
            decision = decided.decision
            done = apply_decision(
                document.value,
                reading,
                decision,
                loop_remembered=repeats_session(decided),
                drop_sampling=wanted.drop_sampling,
            )
        except BadRequest as error:
            raise Rejected(Problem(INVALID, str(error))) from None
        except EveryArmDenied as error:
            raise Rejected(Problem(DENIED, str(error))) from None
        media_type = (b"content-type", FORMS[wanted.form])
        return _payload(raw, document, done, wanted.form), (
            media_type,
            *_FIXED,
            *decision_headers(reading, decision, done),
        )


def repeats_session(decided: RecordedDecision) -> bool:
    """Tell whether the decision repeats what the session was served with: then an open tool loop goes on alike."""
    session = None if decided.record is None else decided.record.situation.session
    return session is not None and session.arm == decided.decision.arm


def _payload(raw: bytes | bytearray, document: Document, done: Rewrite, form: str) -> bytes | bytearray:
    if form == "patch":
        return orjson.dumps([operation.to_json() for operation in done.patch])
    if form == "merge":
        return orjson.dumps(done.merge)
    return write_lossless(done.body, document.plain) if done.changed else raw


def _wanted(scope: Scope) -> _Wanted:
    """Read query and headers; the query wins."""
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name.startswith(b"x-thinkgate-")
    }
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    said = {name: query[name][-1] if name in query else headers.get(HEADER_PREFIX + name) for name in _ASKED}
    form = said["form"] or "body"
    if form not in FORMS:
        raise Rejected(Problem(INVALID, f"unknown form: use one of {', '.join(FORMS)}"))
    drop = (said["drop-sampling"] or "").lower() in _TRUE
    return _Wanted(form, said["dialect"], said["model"], drop, headers)


_ASKED: Final = ("form", "dialect", "model", "drop-sampling")
