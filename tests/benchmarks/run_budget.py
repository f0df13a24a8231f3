"""Budgets over simulated days of skewed traffic: spend against the budget, and value against the best with hindsight.

    python -m tests.benchmarks.run_budget [--requests 20000] [--json FILE]

SYNTHETIC throughout: traffic, prompts and outcomes are made up, so only the steering itself is measured.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from serving.control.spend_ledger import MemorySpendLedger
from tests.support.budget_day import USUAL, DayResult, budget_for, pool, simulate, traffic

SHARES = (0.15, 0.4, 0.75)
"""Budget: this share of the way from the baseline alone to the policy without a budget."""


def main() -> None:
    """Simulate, print, and write the figures down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="a usual day's")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    started = time.perf_counter()
    rows = {f"{share:.0%}: {name}": told for share in SHARES for name, told in _days(options.requests, share).items()}
    table = Table(title=f"SYNTHETIC: {options.requests} requests on a usual day")
    for column in ("budget and day", "spend / budget", "value lost", "multiplier 8-22 h", "budget spent at"):
        table.add_column(column, justify="left" if column == "budget and day" else "right")
    for name, told in rows.items():
        table.add_row(
            name,
            f"{told.spent / told.budget:.3f}",
            f"{told.lost:.1%}",
            f"{told.lowest:.2f} to {told.highest:.2f}",
            "lasted" if told.spent_out_at >= 24.0 else f"{told.spent_out_at:.1f} h",
        )
    console = Console(width=110)
    console.print(table)
    console.print(f"{time.perf_counter() - started:.0f} s")
    if options.json:
        options.json.write_text(json.dumps({name: asdict(told) | {"lost": told.lost} for name, told in rows.items()}))


def _days(n: int, share: float) -> dict[str, DayResult]:
    prompts = pool()
    usual = [traffic(prompts, n, seed) for seed in range(4)]
    budget = budget_for(prompts, usual[0], share)
    busy = traffic(prompts, int(1.5 * n), 9)
    shifted = traffic(prompts, n, 10, USUAL[-6:] + USUAL[:-6])
    named = ("first day, nothing known", "second day", "third day", "fourth day", "half as much more", "6 h later")
    told = dict(
        zip(named, simulate(prompts, [*usual, busy, shifted], budget, MemorySpendLedger(), look_s=30.0), strict=True)
    )
    told["hard stop alone"] = simulate(prompts, usual[:1], budget, MemorySpendLedger(), look_s=30.0, steers=False)[0]
    return told


if __name__ == "__main__":
    main()
