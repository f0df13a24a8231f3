"""Renders decisions as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from serving.decision import Decision

BUCKET_STYLE: Mapping[str, str] = {"use": "green", "maybe": "yellow", "avoid": "blue"}


def decision_table(decision: Decision) -> Table:
    """Show one decision: every arm with its forecast, the chosen one marked, and the reason."""
    table = Table(
        title=f"{decision.bucket}: serve with '{decision.arm}' ({decision.model}, effort {decision.effort})",
        caption=f"{decision.reason}\nsupport {decision.support:.2f} · policy {decision.policy}",
        title_justify="left",
        caption_justify="left",
    )
    for name in ("arm", "success", "cost USD", "p95 latency", "output tokens"):
        table.add_column(name, justify="left" if name == "arm" else "right", no_wrap=True)
    for name, estimate in decision.estimates.items():
        table.add_row(
            f"{'→ ' if name == decision.arm else '  '}{name}",
            f"{estimate.success:.2f}",
            f"{estimate.cost_usd:.5f}",
            f"{estimate.latency_p95_ms / 1000:.1f} s",
            f"{estimate.output_tokens:.0f}",
        )
    return table


def decisions_table(title: str, rows: Sequence[tuple[str, Mapping[str, Any]]], arms: Sequence[str]) -> Table:
    """Show many decisions, as the HTTP API returned them.

    Parameters
    ----------
    rows
        The request's text, and the response as JSON.
    """
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("request", ratio=5)
    table.add_column("bucket", min_width=6)
    table.add_column("arm", min_width=9)
    both = " | ".join(arms)
    table.add_column(f"success\n{both}", justify="right", min_width=11)
    table.add_column(f"cost USD\n{both}", justify="right", min_width=15)
    table.add_column("why", ratio=6)
    for text, answer in rows:
        estimates = answer["estimates"]
        style = BUCKET_STYLE.get(answer["bucket"], "")
        table.add_row(
            escape(text if len(text) <= 76 else f"{text[:75]}…"),
            f"[{style}]{answer['bucket']}[/{style}]",
            answer["arm"],
            " | ".join(f"{estimates[arm]['success']:.2f}" for arm in arms),
            " | ".join(f"{estimates[arm]['cost_usd']:.4f}" for arm in arms),
            escape(answer["reason"]),
        )
    return table
