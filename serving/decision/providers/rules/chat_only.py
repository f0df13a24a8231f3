"""What is no chat: models for images, speech, embeddings or live sessions, and bodies that ask for such output."""

from __future__ import annotations

from collections.abc import Mapping

from serving.decision.providers.capabilities import Capability
from serving.decision.providers.json_patch import Json


def is_chat(body: Mapping[str, Json], *capabilities: Capability) -> bool:
    """Tell whether a body asks for text of models that chat.

    Parameters
    ----------
    capabilities
        Of the model that the client named and of the target.

    Examples
    --------
    >>> is_chat({"messages": []}), is_chat({"modalities": ["text", "audio"]})
    (True, False)
    """
    if any(capability.kind != "chat" for capability in capabilities):
        return False
    settings = body.get("generationConfig", body.get("generation_config"))
    places = [body, settings] if isinstance(settings, dict) else [body]
    return not any(_asks_for_media(place) for place in places)


def _asks_for_media(place: Mapping[str, Json]) -> bool:
    for key in ("modalities", "responseModalities", "response_modalities"):
        kinds = place.get(key)
        if isinstance(kinds, list) and any(str(kind).lower() != "text" for kind in kinds):
            return True
    return any(isinstance(place.get(key), dict) for key in ("speechConfig", "speech_config", "audio"))
