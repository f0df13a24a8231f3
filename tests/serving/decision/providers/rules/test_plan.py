"""Plans: apply, say none instead, or leave alone, each with its code."""

from __future__ import annotations

from typing import Any

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.rules import NOT_APPLIED
from serving.decision.providers.rules.plan import Plan, PlanOptions, make_plan, say_none
from serving.decision.providers.rules.target import Target

TOOLS: dict[str, Any] = {"tools": [{"type": "function", "function": {"name": "add"}}]}
FORCED: dict[str, Any] = {"tool_choice": "required"}
DIRECT: dict[str, Any] = {"messages": [{"role": "assistant", "content": None, "tool_calls": [{}]}]}


def _plan(body: dict[str, Any], model: str, effort: Any = "high", *, moves: bool = False, **options: Any) -> Plan:
    target = Target(find_capability(model), model, "chat", effort, moves)
    plan = make_plan(body, target, PlanOptions(**options))
    assert not plan.not_applied or plan.not_applied in NOT_APPLIED
    assert bool(plan.note) == bool(plan.not_applied)
    return plan


def test_nothing_in_the_way() -> None:
    assert _plan({}, "gpt-5.1") == Plan("high")


def test_where_tools_need_none_in_words_none_is_said() -> None:
    plan = _plan(TOOLS, "gpt-5.6-sol")
    assert (plan.effort, plan.not_applied) == ("none", "conflict:tools")
    assert _plan(TOOLS, "gpt-5.6-sol", "none") == Plan("none")
    assert _plan(TOOLS, "gpt-5.6-sol", is_explicit=True).effort is None
    assert _plan(TOOLS, "gpt-5.6-sol", moves=True).effort is None, "a move is not mended"


def test_where_an_absent_effort_is_accepted_the_body_is_left_alone() -> None:
    for model in ("gpt-5.4", "gpt-5.5"):
        assert _plan(TOOLS, model).effort is None
        assert _plan(TOOLS, model, "none") == Plan("none")


def test_tools_refused_at_any_effort() -> None:
    assert _plan(TOOLS, "gpt-6-astra", "low").not_applied == "conflict:tools"


def test_forced_tools_and_history_on_a_model_that_thinks_by_default_get_none() -> None:
    assert _plan(FORCED, "deepseek-v4-pro").effort == "none"
    plan = _plan(DIRECT, "deepseek-v4-pro")
    assert (plan.effort, plan.not_applied) == ("none", "history")
    assert _plan(DIRECT, "deepseek-chat").effort is None, "its default is not known"
    assert _plan(DIRECT, "kimi-k2.6", "none") == Plan("none")


def test_sampling_is_dropped_only_where_the_operator_allows_it_and_nothing_else_stands_in_the_way() -> None:
    assert _plan({"temperature": 0.2}, "gpt-5.1").not_applied == "conflict:temperature"
    assert _plan({"temperature": 0.2}, "gpt-5.1", drop_sampling=True) == Plan("high", ("temperature",))
    assert _plan(TOOLS | {"temperature": 0.2}, "gpt-5.4", drop_sampling=True).effort is None


def test_a_short_limit_never_thinks() -> None:
    plan = _plan({"max_tokens": 5}, "gpt-5.5")
    assert (plan.effort, plan.keeps_limit, plan.not_applied) == ("none", True, "limit")
    assert _plan({"max_tokens": 5}, "gpt-5.5", any_limit=True) == Plan("high")
    assert _plan({"max_tokens": 5}, "gpt-5", "minimal") == Plan("minimal", keeps_limit=True)
    assert _plan({"max_tokens": 5}, "gpt-5", "high").effort is None
    assert _plan({"max_tokens": 5}, "gpt-5.1", moves=True).not_applied == "limit"


def test_openais_own_tools_are_refused_at_minimal() -> None:
    assert _plan({"tools": [{"type": "web_search"}]}, "gpt-5", "minimal") == Plan("low")


def test_a_known_session_may_be_moved_again() -> None:
    thought: dict[str, Any] = {"messages": [{"role": "assistant", "content": [{"type": "thinking"}]}]}
    assert _plan(thought, "claude-opus-4-5", moves=True).not_applied == "history"
    assert _plan(thought, "gpt-5.1", moves=True, keeps_session=True) == Plan("high")


def test_without_a_switch_only_moves_are_judged() -> None:
    target = Target(find_capability("o1-mini"), "o1-mini", "chat", "high", moves=True)
    assert make_plan({"stop": ["x"]}, target, PlanOptions(), has_switch=False).not_applied == "conflict:stop"
    stays = Target(target.capability, "o1-mini", "chat", "high")
    assert make_plan({"stop": ["x"]}, stays, PlanOptions(), has_switch=False) == Plan("high")


def test_none_is_not_said_where_it_is_refused() -> None:
    target = Target(find_capability("o3"), "o3", "chat", "high")
    assert say_none({}, target, PlanOptions(), "limit", "no room") == Plan(None, not_applied="limit", note="no room")
