"""Reads off a received body what the provider is asked for; it shares no code with what writes or reads bodies here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Asked:
    """What a provider understands.

    Parameters
    ----------
    level
        A named effort; None where the body has a budget, a switch or nothing.
    thinks
        Whether the model reasons; None where the body leaves it to a model whose default is not documented.
    """

    model: str
    level: str | None
    thinks: bool | None

    def agrees(self, model: str | None, effort: str | None) -> bool:
        """Tell whether a journalled model and effort say the same."""
        if model != self.model:
            return False
        if self.level is not None:
            return effort == self.level
        return effort is None if self.thinks is None else effort is not None and (effort != "none") == self.thinks


UNSTATED: dict[str, str | bool] = {
    "gpt-5.1": "none",
    "gpt-5-mini": "medium",
    "o3": "medium",
    "claude-sonnet-4-5": False,
    "claude-opus-4-6": False,
    "gemini-2.5-flash": True,
    "Qwen/Qwen3-8B": True,
    "deepseek-chat": False,
    "glm-4.6": True,
}
"""What the makers document for a call that says nothing: an effort, or whether the model reasons."""


def read_asked(body: dict[str, Any], url_model: str | None = None) -> Asked:
    """Read a body as its model's provider does."""
    model = str(body.get("model") or url_model)
    stated = _stated(body, model)
    if stated is None:
        stated = UNSTATED.get(model)
    if isinstance(stated, str):
        return Asked(model, stated, stated != "none")
    return Asked(model, None, stated)


def _stated(body: dict[str, Any], model: str) -> str | bool | None:
    if model.startswith("claude"):
        return _claude(body)
    if model.startswith("gemini"):
        thinking = body.get("generationConfig", {}).get("thinkingConfig", {})
        budget = thinking.get("thinkingBudget")
        return thinking.get("thinkingLevel") or (None if budget is None else budget != 0)
    if model.startswith("Qwen"):
        found = body.get("chat_template_kwargs", {}).get("enable_thinking")
        return found if isinstance(found, bool) else None
    if model.startswith(("deepseek", "glm")):
        kind = body.get("thinking", {}).get("type")
        return None if kind is None else kind == "enabled"
    if model.startswith(("gpt-5", "o3")):
        effort = body.get("reasoning_effort") or body.get("reasoning", {}).get("effort")
        return effort if isinstance(effort, str) else None
    return None


def _claude(body: dict[str, Any]) -> str | bool | None:
    kind = body.get("thinking", {}).get("type")
    if kind == "adaptive":
        return body.get("output_config", {}).get("effort") or True
    return None if kind is None else kind == "enabled"
