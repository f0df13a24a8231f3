"""Tools that a model refuses: function tools beside an effort at OpenAI's chat endpoint, and forced tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from serving.decision.providers.json_patch import Json
from serving.decision.providers.rules.target import Target

_HOSTED: Final = ("web_search", "code_interpreter", "image_generation", "file_search")
"""Tools that OpenAI runs itself, and refuses at effort `minimal`."""


def has_function_tools(body: Mapping[str, Json]) -> bool:
    """Tell whether a body declares tools that the client runs.

    Examples
    --------
    >>> has_function_tools({"tools": [{"type": "function"}]}), has_function_tools({"tools": []})
    (True, False)
    """
    return any(isinstance(body.get(key), list) and bool(body[key]) for key in ("tools", "functions"))


def has_hosted_tools(body: Mapping[str, Json]) -> bool:
    """Tell whether a body declares tools that OpenAI runs itself."""
    tools = body.get("tools")
    return any(
        isinstance(tool, dict) and str(tool.get("type", "")).startswith(_HOSTED)
        for tool in (tools if isinstance(tools, list) else [])
    )


def forces_tool(body: Mapping[str, Json]) -> bool:
    """Tell whether a body makes the model call a tool, in the words of any endpoint.

    Examples
    --------
    >>> forces_tool({"tool_choice": "required"}), forces_tool({"tool_choice": {"type": "any"}})
    (True, True)
    >>> forces_tool({"tool_choice": "auto"}), forces_tool({"tool_choice": {"type": "auto"}})
    (False, False)
    """
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        if choice.get("type") == "allowed_tools":
            allowed = choice.get("allowed_tools", choice)
            return isinstance(allowed, dict) and allowed.get("mode") == "required"
        return choice.get("type") not in (None, "auto", "none")
    return choice in ("required", "any") or isinstance(body.get("function_call"), dict)


def refuses_tools(body: Mapping[str, Json], target: Target) -> bool:
    """Tell whether function tools stand in the way at this effort; only OpenAI's chat endpoint has the rule."""
    rule = target.capability.tools_effort
    if rule == "ok" or target.api != "chat" or not has_function_tools(body):
        return False
    return rule == "tools_refused" or target.thinks


def refuses_forced_tool(body: Mapping[str, Json], target: Target) -> bool:
    """Tell whether a forced tool stands in the way."""
    rule = target.capability.forced_tools
    if rule == "ok" and target.capability.switch in ("anthropic_budget", "enable_thinking"):
        rule = "not_while_thinking"
    return rule != "ok" and (rule == "refused" or target.thinks) and forces_tool(body)
