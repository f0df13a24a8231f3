"""Says a rewritten view in LiteLLM's own words, such that LiteLLM sends the provider what the view holds.

`reasoning_effort` where LiteLLM's translation is exact. Where it is not (it gives Claude and Gemini 2.5 budgets of its
own, 1,024 to 4,096 tokens), the provider's own `thinking`. What LiteLLM does not know goes into `extra_body`, which it
passes on. `tests/e2e/test_litellm.py` sees each of these words arrive, through proxies of two versions.
"""

from __future__ import annotations

from typing import Final

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.effort_writers import child_object, strip_effort
from serving.decision.providers.endpoints import Api
from serving.decision.providers.json_patch import Body, Json
from serving.decision.providers.litellm_proxy.proxy_call import Deployment
from serving.decision.types import Effort

_LIMIT_KEYS: Final = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})


def say_effort(new: Body, api: Api, view_api: Api, changed: Body, deployment: Deployment, effort: Effort) -> bool:
    """Write the effort of a view into a request, in place.

    Parameters
    ----------
    new
        The request, without any effort.
    api
        Its form.
    view_api, changed
        The provider's form, and the keys of the view that the rules changed, with their new values.
    deployment, effort
        The one that is to answer, and the effort it is asked for.

    Returns
    -------
    bool
        False where LiteLLM has no words for it or would refuse them; then `new` is not to be used.
    """
    if api == "chat":
        return _say_in_chat(new, view_api, changed, deployment, effort)
    if view_api in ("chat", "openrouter") and not {"reasoning_effort", "reasoning"} & changed.keys():
        return False  # a switch of the server's own (a chat template's): LiteLLM's translation drops it here
    if view_api != "responses" and not _takes(deployment, effort):
        return False
    if api == "messages":
        # LiteLLM makes exactly this effort of the pair for all but Anthropic's own; of `disabled` it makes nothing.
        new["thinking"] = {"type": "adaptive"}
        child_object(new, "output_config")["effort"] = effort
        return True
    child_object(new, "reasoning")["effort"] = effort
    return not (effort == "none" and view_api == "messages" and _thinks_by_default(deployment))


def _say_in_chat(new: Body, view_api: Api, changed: Body, deployment: Deployment, effort: Effort) -> bool:
    if view_api == "messages":
        return _say_claude(new, changed.get("thinking"), deployment, effort)
    if view_api == "gemini":
        return _say_gemini(new, changed.get("generationConfig"), deployment, effort)
    if view_api == "responses":
        new["reasoning_effort"] = effort
        return _takes(deployment, effort)
    for key, value in changed.items():
        if key == "reasoning_effort":
            new[key] = value
            if not _takes(deployment, effort):
                return False
        elif key == "thinking" and deployment.thinking:
            new[key] = value
        elif key not in _LIMIT_KEYS and key != "model" and value is not None:
            (new if key in new else child_object(new, "extra_body"))[key] = value
    return True


def _say_claude(new: Body, thinking: Json, deployment: Deployment, effort: Effort) -> bool:
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind == "adaptive":
        new["reasoning_effort"] = effort
        return _takes(deployment, effort)
    if kind is not None:
        new["thinking"] = thinking
        return deployment.thinking
    return True  # off is said by leaving it out


def _say_gemini(new: Body, settings: Json, deployment: Deployment, effort: Effort) -> bool:
    thinking = settings.get("thinkingConfig") if isinstance(settings, dict) else None
    budget = thinking.get("thinkingBudget") if isinstance(thinking, dict) else None
    if isinstance(budget, int) and budget > 0:
        new["thinking"] = {"type": "enabled", "budget_tokens": budget}
        return deployment.thinking
    new["reasoning_effort"] = effort
    return _takes(deployment, effort)


def _takes(deployment: Deployment, effort: Effort) -> bool:
    return deployment.efforts is None or effort in deployment.efforts


def _thinks_by_default(deployment: Deployment) -> bool:
    return find_capability(deployment.model, deployment.host, "messages").default not in (None, "none")


def without_effort(request: Body) -> Body:
    """Copy a request without any effort; what is shared with the old one is not modified."""
    new = {key: dict(value) if isinstance(value, dict) else value for key, value in request.items()}
    strip_effort(new)
    extra = new.get("extra_body")
    if isinstance(extra, dict):
        kept: Body = {key: dict(value) if isinstance(value, dict) else value for key, value in extra.items()}
        strip_effort(kept)
        if kept:
            new["extra_body"] = kept
        else:
            del new["extra_body"]
    return new
