"""Writer of Gemini's `thinkingConfig`, at Google's API and at Vertex AI alike."""

from __future__ import annotations

from serving.decision.providers.json_patch import Body
from serving.decision.providers.writers.change import EffortChange, child_object, raise_output_limit


def thinking_config(body: Body, change: EffortChange) -> None:
    """Write a level or a budget, whichever the model takes; the provider rejects both at once."""
    settings = child_object(body, "generationConfig", "generation_config")
    thinking = child_object(settings, "thinkingConfig", "thinking_config")
    for key in ("thinkingBudget", "thinking_budget", "thinkingLevel", "thinking_level"):
        thinking.pop(key, None)
    if not change.is_on:
        # The provider rejects the wish to see thoughts where there are none.
        for key in ("includeThoughts", "include_thoughts"):
            thinking.pop(key, None)
    if change.capability.switch == "gemini_level":
        thinking["thinkingLevel"] = change.effort
    else:
        thinking["thinkingBudget"] = change.budget if change.is_on else 0
    raise_output_limit(settings, change, "maxOutputTokens", "max_output_tokens")
