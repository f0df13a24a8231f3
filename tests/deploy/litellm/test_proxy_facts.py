"""Facts of the proxy: deployments by group, as far as a key goes. What LiteLLM takes is asked in tests/e2e."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from thinkgate_litellm.proxy_facts import ProxyFacts

from tests.support.waiting import wait_until


def deployment(group: str, model: str, base: str | None = None, team: str | None = None) -> dict[str, Any]:
    about = {"base_model": base, "team_id": team}
    return {"model_name": group, "litellm_params": {"model": model, "api_key": "S"}, "model_info": about}


class Router:
    model_list: ClassVar[list[dict[str, Any]]] = [
        deployment("a", "openai/gpt-5.1"),
        deployment("a", "azure/prod", "azure/gpt-5.1"),
        deployment("b", "anthropic/claude-sonnet-4-5"),
        deployment("openai/*", "openai/*"),
        deployment("secret", "openai/o3", team="t"),
    ]

    def get_model_list(self, model_name: str) -> list[dict[str, Any]]:
        return [one for one in self.model_list if one["model_name"] == model_name]


def groups(caller: Any, group: str = "a") -> dict[str, Any]:
    facts = ProxyFacts(lambda: 1.0, Router)
    found: dict[str, Any] = {}

    def look() -> bool:
        found.clear()
        found.update(facts.groups(group, caller))
        return bool(facts._groups)

    wait_until(look)
    return facts.groups(group, caller)


def models(found: dict[str, Any]) -> dict[str, list[str]]:
    return {name: [one.get("base_model") or one["model"] for one in each] for name, each in found.items()}


def test_every_group_is_listed_with_its_models() -> None:
    found = groups(None)
    assert models(found) == {"a": ["openai/gpt-5.1", "azure/gpt-5.1"], "b": ["anthropic/claude-sonnet-4-5"]}
    assert "S" not in str(found)


def test_the_calls_own_group_is_known_at_once() -> None:
    assert models(ProxyFacts(lambda: 0.0, Router).groups("b", None))["b"] == ["anthropic/claude-sonnet-4-5"]


@pytest.mark.parametrize(
    ("key", "team", "expected"),
    [
        ([], [], {"a", "b"}),
        (["all-proxy-models"], [], {"a", "b"}),
        (["a"], [], {"a"}),
        (["b"], [], {"a", "b"}),
        ([], ["a"], {"a"}),
        (["b"], ["c"], {"a"}),
    ],
)
def test_a_key_names_the_groups_that_a_call_may_be_moved_to(
    key: list[str], team: list[str], expected: set[str]
) -> None:
    assert set(groups(SimpleNamespace(models=key, team_models=team))) == expected


def test_outside_a_proxy_nothing_is_known() -> None:
    assert ProxyFacts(lambda: 0.0, lambda: None).groups("a", None) == {}
