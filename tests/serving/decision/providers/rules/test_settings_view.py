"""Settings under the names that the rules use."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.rules.settings_view import view_settings


def test_most_bodies_are_their_own_view() -> None:
    body: dict[str, Any] = {"temperature": 0.2}
    assert view_settings(body, "chat") is body


def test_coheres_names() -> None:
    seen = view_settings({"p": 0.5, "tool_choice": "REQUIRED"}, "cohere")
    assert (seen["top_p"], seen["tool_choice"]) == (0.5, "required")


@pytest.mark.parametrize("odd", [None, 3, [], {"toolChoice": None}, {"toolChoice": {}}])
def test_odd_values_are_no_settings(odd: Any) -> None:
    seen = view_settings({"inferenceConfig": odd, "toolConfig": odd, "additionalModelRequestFields": odd}, "converse")
    assert seen["temperature"] is None
    assert seen["tool_choice"] is None
