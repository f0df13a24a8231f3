"""Renders an explanation as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from serving.decision.selection import UtilityBreakdown
from training.explain.explain import ArmContributions, Explained
from training.explain.similar_cases import SimilarCase

SHOWN = 8
"""Features in a table; the others are summed in one line."""


def explanation_tables(explained: Explained) -> Iterator[Table]:
    """Show the utility sum, then the contributions to each uplift, then the most similar cases."""
    yield sum_table(explained.arithmetic)
    for each in explained.contributions:
        yield _contributions_table(each)
    if explained.cases:
        yield _cases_table(explained.cases, list(explained.arithmetic.arms))


def sum_table(breakdown: UtilityBreakdown) -> Table:
    """Show the utility of each arm, one per row, with the weights below."""
    weights = f"value of success {breakdown.value_of_success_usd:g} USD, cost factor {breakdown.cost_factor:g}"
    weights += f", latency {breakdown.latency_usd_per_second:g} USD a second, deadline {breakdown.deadline_ms:g} ms"
    notes = [weights, f"net benefit is against {breakdown.compared_with}; decided by {breakdown.because}"]
    notes.append(f"support {breakdown.support:.2f}, {breakdown.prior_weight:.0%} prior knowledge")
    table = Table(title="The sum, in USD", caption="\n".join(notes), title_justify="left", caption_justify="left")
    for name in (
        "arm",
        "value x success",
        "- cost",
        "- waiting",
        "- switching",
        "= utility",
        "net benefit",
        "may serve",
    ):
        table.add_column(name, justify="left" if name in ("arm", "may serve") else "right", no_wrap=True)
    for each in breakdown.arms.values():
        table.add_row(
            f"{'→ ' if each.arm == breakdown.decision.arm else '  '}{escape(each.arm)}",
            f"{each.success_usd:.5f}",
            f"{each.weighed_cost_usd:.5f}",
            f"{each.latency_usd:.5f}",
            f"{each.switching_usd:.5f}",
            f"{each.utility_usd:.5f}",
            f"{each.net_usd:+.5f} [{each.net_lower_usd:+.5f}, {each.net_upper_usd:+.5f}]",
            _may_serve(each.allowed, each.sound, each.in_time, each.affordable),
        )
    return table


def _may_serve(allowed: bool, sound: bool, in_time: bool, affordable: bool) -> str:
    marks = {"denied": allowed, "shed": sound, "too late": in_time, "too dear": affordable}
    return ", ".join(name for name, fine in marks.items() if not fine) or "yes"


def _contributions_table(contributions: ArmContributions) -> Table:
    table = Table(
        title=f"What moved the uplift of {escape(contributions.arm)}",
        caption=f"{contributions.average:+.3f} on average, {contributions.uplift:+.3f} here, without the prior",
        min_width=84,
        title_justify="left",
        caption_justify="left",
    )
    for name in ("feature", "value", "points of success"):
        table.add_column(name, justify="left" if name == "feature" else "right")
    for each in contributions.moved[:SHOWN]:
        table.add_row(each.name, "" if each.value is None else f"{each.value:g}", f"{100 * each.points:+.2g}")
    rest = contributions.moved[SHOWN:]
    table.add_row(f"{len(rest)} more", "", f"{100 * sum(each.points for each in rest):+.2g}")
    return table


def _cases_table(cases: tuple[SimilarCase, ...], arms: list[str]) -> Table:
    table = Table(
        title="The nearest cases of the history",
        caption="your own prompts, kept beside the bundle and nowhere else: `thinkgate train --cases` says how much",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("alike", justify="right")
    table.add_column("prompt", ratio=6)
    table.add_column("task")
    for arm in arms:
        table.add_column(f"success\n{arm}", justify="right")
    for case in cases:
        table.add_row(
            f"{case.similarity:.2f}",
            escape(case.text or case.prompt_id),
            escape(case.task or ""),
            *("-" if value is None else f"{value:g}" for value in case.success),
        )
    return table
