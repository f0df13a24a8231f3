"""Settings of a body under the names that the rules use, wherever its endpoint format keeps them."""

from __future__ import annotations

from collections.abc import Mapping

from serving.decision.providers.endpoints import Api
from serving.decision.providers.json_patch import Json


def view_settings(body: Mapping[str, Json], api: Api) -> Mapping[str, Json]:
    """Give a body's settings at the top level: Bedrock's converse format nests them, Cohere's has other names.

    Examples
    --------
    >>> view_settings({"inferenceConfig": {"topP": 0.5}, "toolConfig": {"toolChoice": {"any": {}}}}, "converse")
    {'temperature': None, 'top_p': 0.5, 'top_k': None, 'tool_choice': {'type': 'any'}, 'messages': None}
    """
    if api == "converse":
        inference, fields = _object(body, "inferenceConfig"), _object(body, "additionalModelRequestFields")
        choice = next(iter(_object(_object(body, "toolConfig"), "toolChoice")), None)
        return {
            "temperature": inference.get("temperature"),
            "top_p": inference.get("topP"),
            "top_k": fields.get("top_k"),
            "tool_choice": None if choice is None else {"type": choice},
            "messages": body.get("messages"),
        }
    if api == "cohere":
        forced = body.get("tool_choice")
        return {**body, "top_p": body.get("p"), "tool_choice": forced.lower() if isinstance(forced, str) else forced}
    return body


def _object(place: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    found = place.get(key)
    return found if isinstance(found, dict) else {}
