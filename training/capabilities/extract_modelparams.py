"""Facts from `modelparams`: the parameters of each model at each endpoint, with their place in the body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from serving.decision.providers.capabilities import host_name
from training.capabilities.facts import Fact

_ENDPOINTS = {
    "openai-chat-completions": "chat",
    "openai-responses": "responses",
    "anthropic-messages": "messages",
    "google-generate-content": "gemini",
    "google-vertex-generate-content": "gemini",
    "amazon-bedrock-converse": "converse",
    "cohere-chat": "chat",
}
_EFFORT = ("reasoning_effort", "reasoning.effort", "output_config.effort", "thinkingLevel")
_TYPE = ("thinking.type",)
_TOGGLE = ("enable_thinking", "chat_template_kwargs.thinking")
_BUDGET = ("budget_tokens", "thinkingBudget", "thinking_budget", "token_budget", "reasoning_budget")


def modelparams_facts(models: Sequence[Mapping[str, Any]]) -> Iterator[Fact]:
    """Yield the facts of the catalog's list of models, those that a subscription serves left out."""
    for entry in models:
        if entry["authType"] != "subscription" or entry["provider"] == "openai":
            fact = _modelparams_fact(entry)
            if fact is not None:
                yield fact


def _modelparams_fact(entry: Mapping[str, Any]) -> Fact | None:
    named = {param["path"]: param for param in entry["params"]}
    effort = _ending(named, _EFFORT)
    switch = _ending(named, _TYPE) or _ending(named, _TOGGLE)
    budget = _ending(named, _BUDGET)
    if effort is None and switch is None and budget is None:
        return None
    values = [value for value in (effort or {}).get("values") or () if value in _ALL]
    host = host_name(entry["provider"])
    paths = [param["path"] for param in (switch, effort, budget) if param is not None]
    return Fact(
        host,
        entry["model"],
        endpoint=_ENDPOINTS[entry["apiSurface"]],
        reasons=True,
        efforts=tuple(value for value in values if value != "none") if effort is not None and values else None,
        off=_off(values, switch, budget, effort),
        default=_default(effort, switch, budget),
        budget=_range(budget),
        sampling=_sampling(named, host),
        wire="+".join(paths),
    )


_ALL = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})


def _ending(named: Mapping[str, Mapping[str, Any]], endings: Sequence[str]) -> Mapping[str, Any] | None:
    return next((param for path, param in named.items() if path.endswith(tuple(endings))), None)


def _off(
    values: Sequence[str],
    switch: Mapping[str, Any] | None,
    budget: Mapping[str, Any] | None,
    effort: Mapping[str, Any] | None,
) -> bool | None:
    if "none" in values:
        return True
    if switch is not None:
        kinds = switch.get("values")
        return "disabled" in kinds if kinds else switch["type"] == "boolean"
    low = ((budget or {}).get("range") or {}).get("min")
    if effort is None and low is not None:
        return bool(low == 0) if low >= 0 else None
    return False if values else None


def _default(
    effort: Mapping[str, Any] | None, switch: Mapping[str, Any] | None, budget: Mapping[str, Any] | None
) -> str:
    if switch is not None and switch.get("default") in ("disabled", False):
        return "off"
    stated = (effort or {}).get("default")
    if stated in _ALL:
        return str(stated)
    on = switch is not None and switch.get("default") in ("enabled", "adaptive", True)
    return "on" if on or (budget or {}).get("default") == -1 else ""


def _range(budget: Mapping[str, Any] | None) -> tuple[int, int] | None:
    bounds = (budget or {}).get("range")
    return None if not bounds else (int(bounds.get("min", -1)), int(bounds.get("max", -1)))


def _sampling(named: Mapping[str, Mapping[str, Any]], host: str) -> str:
    temperature = named.get("temperature") or named.get("inferenceConfig.temperature")
    if temperature is None:
        return "refused" if host in ("openai", "anthropic") else ""
    ruled_out = str((temperature.get("applicability") or {}).get("except", ""))
    return "not_while_thinking" if "thinking" in ruled_out else "ok"
