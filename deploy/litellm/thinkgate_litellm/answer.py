"""The server's answer: what to set in the call, and the decision for LiteLLM's own logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SETTABLE: Final = frozenset(
    """
    model reasoning_effort reasoning thinking output_config extra_body chat_template_kwargs chat_template_args
    enable_thinking thinking_budget include_reasoning reasoning_budget think prompt_mode include max_tokens
    max_completion_tokens max_output_tokens temperature top_p top_k presence_penalty frequency_penalty logit_bias
    logprobs top_logprobs tool_choice
    """.split()
)
"""Parameters that an answer may change: never a key, an address or a text."""
_PREFIX: Final = "x-thinkgate-"
_LOGGED: Final = {
    "decision-id": "decision_id",
    "arm": "arm",
    "effort": "effort",
    "applied": "applied",
    "asked-effort": "asked_effort",
    "not-applied": "not_applied",
    "bucket": "bucket",
    "model": "model",
    "propensity": "propensity",
    "fallback": "fallback",
    "policy": "policy",
    "reason": "reason",
    "net-usd": "net_usd",
}
_NUMBERS: Final = frozenset({"propensity", "net_usd"})
_FOR_CLIENTS: Final = ("decision_id", "arm", "effort", "applied", "bucket")


@dataclass(frozen=True)
class Served:
    """The decision on one call, and what was set for it.

    Parameters
    ----------
    decision
        What is logged of it: names, figures and the reason; no text of the call.
    group
        The model group that what was set is for.
    values, originals
        What was set by name, and what stood there before; a value that was not there is left out of `originals`.
    """

    decision: Mapping[str, Any]
    group: str
    values: Mapping[str, Any]
    originals: Mapping[str, Any]

    @property
    def decision_id(self) -> str:
        """Id to report the outcome by."""
        return str(self.decision["decision_id"])

    @property
    def client_headers(self) -> dict[str, str]:
        """Headers for the client, so that it can report success."""
        names = [name for name in _FOR_CLIENTS if name in self.decision]
        return {_PREFIX + name.replace("_", "-"): str(self.decision[name]) for name in names}

    def take_back(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Give a copy of a call's data without what was set; what somebody else changed since stays."""
        restored = dict(data)
        for name, value in self.values.items():
            if name == "model" or data.get(name) != value:
                continue
            if name in self.originals:
                restored[name] = self.originals[name]
            else:
                restored.pop(name, None)
        return restored


def read_answer(data: Mapping[str, Any], merge: Any, headers: Mapping[str, str]) -> Served:
    """Read an answer: a merge patch (RFC 7396) of the call's data, and the decision in headers.

    Raises
    ------
    ValueError
        It is no answer of a thinkgate server.
    """
    if not isinstance(merge, dict) or f"{_PREFIX}decision-id" not in headers:
        raise ValueError("not an answer of thinkgate")
    decision: dict[str, Any] = {}
    for header, name in _LOGGED.items():
        text = headers.get(_PREFIX + header)
        if text is not None:
            decision[name] = float(text) if name in _NUMBERS else text
    values = {name: _merged(data.get(name), change) for name, change in merge.items() if name in SETTABLE}
    originals = {name: data[name] for name in values if name in data}
    return Served(decision, str(values.get("model") or data.get("model")), values, originals)


def write_answer(data: dict[str, Any], served: Served) -> None:
    """Set what was answered, and put the decision into LiteLLM's metadata, from where its loggers take it."""
    for name, value in served.values.items():
        if value is None:
            data.pop(name, None)
        else:
            data[name] = value
    key = "litellm_metadata" if isinstance(data.get("litellm_metadata"), dict) else "metadata"
    metadata = data.get(key)
    if not isinstance(metadata, dict):
        metadata = data[key] = {}
    decision = dict(served.decision)
    spend = metadata.get("spend_logs_metadata")
    metadata["thinkgate"] = decision
    metadata["spend_logs_metadata"] = {**(spend if isinstance(spend, dict) else {}), "thinkgate": decision}


def _merged(old: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    merged = dict(old) if isinstance(old, Mapping) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
