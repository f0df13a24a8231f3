"""Tools in the words of every endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.rules.tool_settings import forces_tool, has_function_tools, has_hosted_tools


@pytest.mark.parametrize(
    ("body", "forced"),
    [
        ({"tool_choice": "required"}, True),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, True),
        ({"tool_choice": {"type": "custom", "custom": {"name": "f"}}}, True),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}}, True),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, False),
        ({"tool_choice": {"type": "any"}}, True),
        ({"tool_choice": {"type": "tool", "name": "f"}}, True),
        ({"tool_choice": {"type": "none"}}, False),
        ({"tool_choice": "none"}, False),
        ({"tool_choice": 3}, False),
        ({"function_call": {"name": "f"}}, True),
        ({"function_call": "auto"}, False),
        ({}, False),
    ],
)
def test_forced_tools(body: dict[str, Any], forced: bool) -> None:
    assert forces_tool(body) is forced


def test_tools_of_the_client_and_of_the_provider() -> None:
    assert has_function_tools({"functions": [{"name": "f"}]})
    assert not has_function_tools({"tools": "none"})
    assert has_hosted_tools({"tools": [{"type": "function"}, {"type": "web_search_preview"}]})
    assert not has_hosted_tools({"tools": [None, {"type": "function"}]})
