"""Shows budgets, guards and what outcomes took from the forecasts, before each publication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from serving.control.controller import StateSnapshot
from serving.telemetry.instruments import MetricRegistry

_PHASES: Final = {"serving": 0.0, "probing": 0.5, "shed": 1.0}


def collect_control(ledger: MetricRegistry, view: Callable[[], StateSnapshot]) -> None:
    """Show what each purse spent and what cost weighs in it, how each arm does, and who lost at which task."""
    budget = ledger.gauge("thinkgate_budget_usd", "Budget of a window.", ("purse", "window"), "max")
    spent = ledger.gauge("thinkgate_budget_spent_usd", "Spent of a window's budget.", ("purse", "window"), "max")
    price = ledger.gauge("thinkgate_cost_multiplier", "What cost counts beyond its face value.", ("purse",), "max")
    shed = ledger.gauge("thinkgate_arm_shed", "1 while an arm is shed, 0.5 while it is probed.", ("arm",), "max")
    failing = ledger.gauge("thinkgate_arm_failing_share", "Calls that time out or are late.", ("arm",), "max")
    tokens = ledger.gauge("thinkgate_arm_tokens_factor", "Realised over forecast output tokens.", ("arm",), "max")
    hidden = ledger.gauge("thinkgate_arm_hidden_factor", "Realised over forecast hidden tokens.", ("arm",), "max")
    latency = ledger.gauge("thinkgate_arm_latency_factor", "Realised over forecast latency.", ("arm",), "max")
    bloat = ledger.gauge("thinkgate_token_bloat", "1 while hidden tokens run above their forecast.", ("arm",), "max")
    # Not by task: a caller names its task, and a label value never comes from a caller.
    shift = ledger.gauge("thinkgate_success_shift", "Most that reports took from P(success).", ("arm",), "min")

    def probe() -> None:
        now = view()
        plans = [(name, plan) for name, purse in now.purses.items() for plan in purse.plans]
        budget.only({(name, plan.window): plan.budget_usd for name, plan in plans})
        spent.only({(name, plan.window): plan.spent_usd for name, plan in plans})
        price.only({(name,): purse.multiplier for name, purse in now.purses.items()})
        arms = now.health.states
        shed.only({(name,): _PHASES[arm.phase] for name, arm in arms.items()})
        failing.only({(name,): arm.failing for name, arm in arms.items()})
        tokens.only({(name,): arm.tokens_factor for name, arm in arms.items()})
        hidden.only({(name,): arm.hidden_factor for name, arm in arms.items() if arm.hidden_factor is not None})
        latency.only({(name,): arm.latency_factor for name, arm in arms.items()})
        bloat.only({(name,): float(arm.bloated) for name, arm in arms.items()})
        shifts = [(name, by) for each in now.health.shifts.values() for name, by in each.items()]
        shift.only({(name,): min(by for other, by in shifts if other == name) for name, _ in shifts})

    ledger.probes.append(probe)
