"""Response headers that describe a decision beside a rewritten body: `x-thinkgate-*`."""

from __future__ import annotations

from typing import Final

from serving.decision import Decision
from serving.decision.providers import ParsedBody, Rewrite
from serving.schemas.problems import Headers

HEADER_PREFIX: Final = "x-thinkgate-"


def decision_headers(parsed: ParsedBody, decision: Decision, rewrite: Rewrite) -> Headers:
    """Describe a decision, and what of it the rewritten body asks for, in response headers.

    Returns
    -------
    Headers
        Lower-case names; `x-thinkgate-applied` is the effort that the body asks for, `unchanged` where it leaves that
        to the model, and `x-thinkgate-note` says why.
    """
    values = {
        "decision-id": decision.decision_id,
        "arm": decision.arm,
        "effort": decision.effort,
        "applied": rewrite.effort or "unchanged",
        "bucket": decision.bucket,
        "model": rewrite.model,
        "propensity": f"{decision.propensity:.6g}",
        "fallback": decision.fallback or "none",
        "max-reasoning-tokens": str(decision.caps.max_reasoning_tokens),
        "max-retries": str(decision.caps.max_retries),
        "max-total-ms": str(decision.caps.max_total_ms),
        "dialect": parsed.api,
        "policy": decision.policy,
        "note": rewrite.note,
    }
    return tuple((f"{HEADER_PREFIX}{name}".encode(), _printable(value)) for name, value in values.items() if value)


def proxy_headers(parsed: ParsedBody, decision: Decision, rewrite: Rewrite, net_usd: float | None) -> Headers:
    """Describe a decision for a proxy's own log: as `decision_headers`, with reason, net benefit and why not applied.

    Parameters
    ----------
    net_usd
        Net benefit of the decided arm over the one that does not reason; None where no model was asked.
    """
    values = {
        "reason": decision.reason,
        "net-usd": "" if net_usd is None else f"{net_usd:.6g}",
        "not-applied": rewrite.not_applied,
        "asked-effort": rewrite.asked_effort or "",
    }
    said = tuple((f"{HEADER_PREFIX}{name}".encode(), _printable(value)) for name, value in values.items() if value)
    return (*decision_headers(parsed, decision, rewrite), *said)


def _printable(value: str) -> bytes:
    """Encode as printable ASCII: a header must not carry line breaks or other bytes."""
    if value.isascii() and value.isprintable():
        return value.encode("ascii")
    return "".join(letter if " " <= letter <= "~" else "?" for letter in value).encode("ascii")
