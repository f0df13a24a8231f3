"""Compares the demo's policies on held-out synthetic prompts, by their true success, cost and latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.table import Table
from rich.text import Text

from serving.decision import Engine, Request, Usd
from training.synthetic import PromptSample

EVERYDAY = frozenset({"extraction", "classification", "formatting", "rewriting", "summarising", "trivia"})
EVERYDAY_USD, DEMANDING_USD = Usd(0.02), Usd(0.30)
"""Value of a success to the demo's callers: a wrong label is cheap to correct, a wrong plan is not."""
HELD_OUT = 2000
"""Held-out prompts that the policies are compared on."""
OURS = "thinkgate"


@dataclass(frozen=True, slots=True)
class PolicyOutcome:
    """Result of one policy on held-out prompts, per request.

    Parameters
    ----------
    reasons
        Share of the requests that reason.
    net_usd
        Value of the successes to the callers, minus the cost.
    """

    name: str
    reasons: float
    cost_usd: float
    success: float
    p95_ms: float
    net_usd: float


def with_success_value(draws: PromptSample) -> tuple[Request, ...]:
    """Set in each request the value of a success to its caller."""
    values = [EVERYDAY_USD if task in EVERYDAY else DEMANDING_USD for task in draws.tasks.tolist()]
    return tuple(
        replace(request, value_of_success_usd=usd) for request, usd in zip(draws.requests, values, strict=True)
    )


def compare_policies(engine: Engine, draws: PromptSample) -> tuple[PolicyOutcome, ...]:
    """Evaluate each policy by the true values: expected success, expected cost, and drawn latencies."""
    place = {arm.name: k for k, arm in enumerate(engine.arms)}
    requests = with_success_value(draws)
    value = np.array([request.value_of_success_usd for request in requests], np.float64)
    chosen = np.array([place[engine.decide(request).arm] for request in requests])
    truth = draws.truth
    best = (value[:, None] * draws.success - truth.cost_usd).argmax(axis=1)
    rows = np.arange(len(draws))
    outcomes = []
    for name, arm in (
        ("always direct", np.zeros_like(chosen)),
        ("always reasoning", np.full_like(chosen, len(engine.arms) - 1)),
        (OURS, chosen),
        ("oracle", best),
    ):
        latency = float(np.quantile(truth.latency_ms[rows, arm], 0.95))
        cost, success = (float(table[rows, arm].mean()) for table in (truth.cost_usd, draws.success))
        net = float((value * draws.success[rows, arm] - truth.cost_usd[rows, arm]).mean())
        outcomes.append(PolicyOutcome(name, float((arm > 0).mean()), cost, success, latency, net))
    return tuple(outcomes)


def policies_table(outcomes: Sequence[PolicyOutcome]) -> Table:
    """Show the policies side by side."""
    title = f"{HELD_OUT:,} other SYNTHETIC requests, evaluated by their true outcomes"
    table = Table(title=title, title_justify="left")
    table.add_column("policy", no_wrap=True)
    for name in ("reason", "success", "latency p95", "cost of 1,000", "value minus cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for outcome in outcomes:
        money = (f"{1000 * usd:.2f} USD" for usd in (outcome.cost_usd, outcome.net_usd))
        cells = f"{outcome.reasons:.0%}", f"{outcome.success:.1%}", f"{outcome.p95_ms / 1000:.1f} s", *money
        table.add_row(outcome.name, *cells, style="bold" if outcome.name == OURS else "")
    return table


def closing_sentence(outcomes: Sequence[PolicyOutcome]) -> Text:
    """Summarise the gain of deciding per request, whether positive or not."""
    direct, reasoning, ours, _ = outcomes
    gain = reasoning.success - direct.success
    kept = f"{(ours.success - direct.success) / gain:.0%} of what reasoning gains" if gain > 0 else "a gain of nothing"
    spent = (ours.cost_usd - direct.cost_usd) / max(reasoning.cost_usd - direct.cost_usd, 1e-12)
    more = [f"{1000 * (ours.net_usd - other.net_usd):+.2f} USD against {other.name}" for other in (direct, reasoning)]
    return Text.assemble(
        (f"thinkgate keeps {kept} for {spent:.0%} of what it costs extra.", "bold"),
        f" Value minus cost, per 1,000 requests: {', '.join(more)}.\n"
        f"A success is worth {EVERYDAY_USD:.2f} USD where mistakes are cheap to fix ({', '.join(sorted(EVERYDAY))}), "
        f"{DEMANDING_USD:.2f} USD elsewhere; other values lead to other decisions. All of this is SYNTHETIC.",
    )
