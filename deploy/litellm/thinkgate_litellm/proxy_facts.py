"""What the proxy knows and the server cannot: the deployments behind a model group, and what LiteLLM takes for them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_MAX_GROUPS: Final = 200
_KEPT_SECONDS: Final = 10.0
_EVERY_MODEL: Final = frozenset({"*", "all-proxy-models", "all-team-models"})

Facts = dict[str, Any]
Key = tuple[str, str, str]


class ProxyFacts:
    """The proxy's model groups as the server reads them.

    Those of the call's own group are looked up at once; all others, to which a call may be moved, in a thread, and are
    left out until they are known.

    Parameters
    ----------
    clock
        Monotonic seconds.
    router
        Gives the proxy's router; None outside a proxy.
    """

    def __init__(self, clock: Callable[[], float], router: Callable[[], Any] | None = None) -> None:
        self._clock = clock
        self._router = router or _find_router
        self._groups: dict[str, list[Facts]] = {}
        self._until = 0.0
        self._lock = threading.Lock()

    def groups(self, group: str, caller: Any) -> dict[str, list[Facts]]:
        """Give the deployments of the caller's group, and of those others that its key lists."""
        router = self._router()
        if router is None:
            return {}
        self._refresh(router)
        allowed = _allowed(caller)
        found = {name: facts for name, facts in self._groups.items() if allowed is None or name in allowed}
        own = [_facts(key) for key in _keys(router.get_model_list(model_name=group) or ())]
        return {**found, group: own} if own else found

    def _refresh(self, router: Any) -> None:
        """List all groups again from time to time, in a thread: LiteLLM's tables take milliseconds for each model."""
        if self._clock() < self._until or not self._lock.acquire(blocking=False):
            return
        self._until = self._clock() + _KEPT_SECONDS
        deployments = list(router.model_list)
        threading.Thread(target=self._list_groups, args=(deployments,), daemon=True).start()

    def _list_groups(self, deployments: list[Mapping[str, Any]]) -> None:
        try:
            groups: dict[str, list[Facts]] = {}
            for deployment in deployments:
                if (deployment.get("model_info") or {}).get("team_id"):
                    continue  # a team's own, under a name that only the team knows
                name = str(deployment.get("model_name"))
                if "*" not in name and (name in groups or len(groups) < _MAX_GROUPS):
                    groups.setdefault(name, []).extend(_facts(key) for key in _keys([deployment]))
            self._groups = groups
        finally:
            self._lock.release()


def _find_router() -> Any:
    return getattr(sys.modules.get("litellm.proxy.proxy_server"), "llm_router", None)


def _allowed(caller: Any) -> frozenset[str] | None:
    """Give the groups that a caller's key lists; None where it may use all."""
    allowed: frozenset[str] | None = None
    for models in (getattr(caller, "models", None), getattr(caller, "team_models", None)):
        names = frozenset(str(name) for name in models or ())
        if names and not names & _EVERY_MODEL:
            allowed = names if allowed is None else allowed & names
    return allowed


def _keys(deployments: Any) -> list[Key]:
    found = []
    for deployment in deployments:
        parameters, about = deployment.get("litellm_params") or {}, deployment.get("model_info") or {}
        model = parameters.get("model")
        if isinstance(model, str) and model and "*" not in model:
            base = about.get("base_model") or parameters.get("base_model") or ""
            found.append((model, str(base), str(parameters.get("custom_llm_provider") or "")))
    return list(dict.fromkeys(found))


@lru_cache(maxsize=4096)
def _facts(key: Key) -> Facts:
    """Ask LiteLLM's own tables what it takes for a model; without an answer nothing is claimed."""
    model, base_model, provider = key
    facts: Facts = {"model": model} | ({"base_model": base_model} if base_model else {})
    try:
        import litellm

        name, provider = litellm.get_llm_provider(model, custom_llm_provider=provider or None)[:2]
        facts["provider"] = provider
        known = base_model.rpartition("/")[2] if base_model and provider in ("azure", "azure_ai") else name
        facts["thinking"] = "thinking" in (litellm.get_supported_openai_params(known, provider) or ())
        facts["efforts"] = _efforts(known, provider)
    except Exception:
        facts.setdefault("provider", provider)
    return facts


def _efforts(model: str, provider: str) -> list[str]:
    """List the values of `reasoning_effort` with which LiteLLM would send something to the provider.

    It may drop what it does not take without a word (`drop_params`), so that nothing sent counts as not taken; except
    `none` where an effort is sent as `thinking`: there off is nothing.
    """
    from litellm.utils import get_optional_params

    sent: dict[str, Any] = {}
    for effort in EFFORTS:
        try:
            made = get_optional_params(model=model, custom_llm_provider=provider, reasoning_effort=effort)
        except Exception:  # noqa: S112  (LiteLLM refuses it: that is the answer)
            continue
        sent[effort] = {name: value for name, value in made.items() if value and name not in ("max_tokens", "stream")}
    as_thinking = any("thinking" in made for made in sent.values())
    return [effort for effort, made in sent.items() if made or (effort == "none" and as_thinking)]
