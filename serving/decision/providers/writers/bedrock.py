"""Writers for Bedrock's converse format: the maker's own words stand in `additionalModelRequestFields`."""

from __future__ import annotations

from serving.decision.providers.json_patch import Body
from serving.decision.providers.writers.anthropic import messages_adaptive, messages_budget
from serving.decision.providers.writers.change import EffortChange, Writer, child_object, raise_output_limit

_FIELDS = "additionalModelRequestFields"


def converse(body: Body, change: EffortChange) -> None:
    """Write what the model's maker takes: Claude a budget or adaptive thinking, Nova a `reasoningConfig`."""
    if "nova" in change.capability.family.lower():
        converse_nova(body, change)
    elif change.capability.budgets[1]:
        converse_budget(body, change)
    else:
        converse_adaptive(body, change)


def converse_nova(body: Body, change: EffortChange) -> None:
    """Write Nova's `reasoningConfig`."""
    config: Body = {"type": "enabled" if change.is_on else "disabled"}
    if change.is_on:
        config["maxReasoningEffort"] = change.effort
    child_object(body, _FIELDS)["reasoningConfig"] = config
    _raise_limit(body, change)


def converse_effort(body: Body, change: EffortChange) -> None:
    """Write `reasoning_effort` of models that take a word for it, such as GPT-OSS."""
    child_object(body, _FIELDS)["reasoning_effort"] = change.effort
    _raise_limit(body, change)


def _inside(writer: Writer) -> Writer:
    """Run an Anthropic writer on the additional fields, with the limit on output tokens in its usual place."""

    def write(body: Body, change: EffortChange) -> None:
        fields = dict(child_object(body, _FIELDS))
        settings = body.get("inferenceConfig")
        limit = settings.get("maxTokens") if isinstance(settings, dict) else None
        if limit is not None:
            fields["max_tokens"] = limit
        writer(fields, change)
        raised = fields.pop("max_tokens", None)
        if isinstance(settings, dict) and raised is not None and raised != limit:
            settings["maxTokens"] = raised
        body[_FIELDS] = fields
        if not fields:
            del body[_FIELDS]

    return write


converse_budget = _inside(messages_budget)
converse_adaptive = _inside(messages_adaptive)


def _raise_limit(body: Body, change: EffortChange) -> None:
    settings = body.get("inferenceConfig")
    if isinstance(settings, dict):
        raise_output_limit(settings, change, "maxTokens")
