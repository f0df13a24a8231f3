"""What the demo's ways of routing would have given in its synthetic world, judged by the world's truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.table import Table
from rich.text import Text

from serving.decision.engine import Engine
from serving.decision.types import Request, Usd
from training.synthetic import PromptSample

EVERYDAY = frozenset({"extraction", "classification", "formatting", "rewriting", "summarising", "trivia"})
EVERYDAY_USD, DEMANDING_USD = Usd(0.02), Usd(0.30)
"""What a success is worth to the demo's callers: a wrong label is soon mended, a wrong plan is not."""
HELD_OUT = 2000
"""Prompts of the world that were not trained on, for the line at the end."""
OURS = "thinkgate"


@dataclass(frozen=True, slots=True)
class PolicyOutcome:
    """What one way of routing would have given on held-out prompts, per request.

    Parameters
    ----------
    reasons
        Share of the requests that reason.
    net_usd
        What the successes are worth to the callers, less the cost.
    """

    name: str
    reasons: float
    cost_usd: float
    success: float
    p95_ms: float
    net_usd: float


def with_success_value(draws: PromptSample) -> tuple[Request, ...]:
    """State in each request what a success is worth to its caller."""
    worth = [EVERYDAY_USD if task in EVERYDAY else DEMANDING_USD for task in draws.tasks.tolist()]
    return tuple(replace(request, value_of_success_usd=usd) for request, usd in zip(draws.requests, worth, strict=True))


def compare_policies(engine: Engine, draws: PromptSample) -> tuple[PolicyOutcome, ...]:
    """Judge decisions by the world's truth: expected success, expected cost, and drawn latencies."""
    place = {arm.name: k for k, arm in enumerate(engine.arms)}
    requests = with_success_value(draws)
    worth = np.array([request.value_of_success_usd for request in requests], np.float64)
    chosen = np.array([place[engine.decide(request).arm] for request in requests])
    truth = draws.truth
    best = (worth[:, None] * draws.success - truth.cost_usd).argmax(axis=1)
    rows = np.arange(len(draws))
    ways = []
    for name, arm in (
        ("always direct", np.zeros_like(chosen)),
        ("always reasoning", np.full_like(chosen, len(engine.arms) - 1)),
        (OURS, chosen),
        ("whoever knew the truth", best),
    ):
        latency = float(np.quantile(truth.latency_ms[rows, arm], 0.95))
        cost, success = (float(table[rows, arm].mean()) for table in (truth.cost_usd, draws.success))
        net = float((worth * draws.success[rows, arm] - truth.cost_usd[rows, arm]).mean())
        ways.append(PolicyOutcome(name, float((arm > 0).mean()), cost, success, latency, net))
    return tuple(ways)


def policies_table(ways: Sequence[PolicyOutcome]) -> Table:
    """Put the ways of routing side by side."""
    title = f"{HELD_OUT:,} other requests of the same SYNTHETIC world, judged by its truth"
    table = Table(title=title, title_justify="left")
    table.add_column("way of routing", no_wrap=True)
    for name in ("reason", "success", "latency p95", "cost of 1,000", "worth minus cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for way in ways:
        money = (f"{1000 * usd:.2f} USD" for usd in (way.cost_usd, way.net_usd))
        cells = f"{way.reasons:.0%}", f"{way.success:.1%}", f"{way.p95_ms / 1000:.1f} s", *money
        table.add_row(way.name, *cells, style="bold" if way.name == OURS else "")
    return table


def closing_sentence(ways: Sequence[PolicyOutcome]) -> Text:
    """Say in one sentence what deciding per request was worth, whatever came out."""
    direct, reasoning, ours, _ = ways
    gain = reasoning.success - direct.success
    kept = f"{(ours.success - direct.success) / gain:.0%} of what reasoning gains" if gain > 0 else "a gain of nothing"
    spent = (ours.cost_usd - direct.cost_usd) / max(reasoning.cost_usd - direct.cost_usd, 1e-12)
    more = [f"{1000 * (ours.net_usd - way.net_usd):+.2f} USD against {way.name}" for way in (direct, reasoning)]
    return Text.assemble(
        (f"thinkgate keeps {kept} for {spent:.0%} of what it costs extra.", "bold"),
        f" Worth minus cost, per 1,000 requests: {', '.join(more)}.\n"
        f"A success is worth {EVERYDAY_USD:.2f} USD where a mistake is soon mended ({', '.join(sorted(EVERYDAY))}), "
        f"{DEMANDING_USD:.2f} USD elsewhere; other values, other decisions. SYNTHETIC, like all of this.",
    )
