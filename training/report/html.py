"""Writes an evaluation as one self-contained HTML file, as PNG plots and as JSON.

The page loads nothing: plotly's script is inlined once, so it opens without a network.
"""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Iterator
from pathlib import Path
from string import Template

import numpy as np
import orjson
from plotly.offline import get_plotlyjs

from training.atomic_files import write_atomically
from training.evaluation import Evaluation
from training.metrics import Interval
from training.report.chart_specs import Chart
from training.report.plots import evaluation_charts, figure, write_pngs
from training.report.summary import NOT_CLAIMED, percent, summary, usd_with_interval
from training.report.tables import tables

SYNTHETIC = "SYNTHETIC DATA: generated prompts and outcomes. No figure here describes a real model."
TEMPLATE = Path(__file__).with_name("template.html")


def write_report(evaluation: Evaluation, folder: Path) -> Path:
    """Write the HTML report, its plots as PNG and all figures as JSON into a folder; return the HTML file."""
    write_atomically(folder / "evaluation.json", evaluation_json(evaluation))
    write_pngs(evaluation, folder)
    return write_html(evaluation, folder / "report.html")


def write_html(report: Evaluation, path: Path) -> Path:
    """Write the report as one HTML file; return its path."""
    write_atomically(path, to_html(report))
    return path


def to_html(report: Evaluation) -> str:
    """Render the whole page as text."""
    findings = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in summary(report))
    banner = f'<p class="synthetic">{SYNTHETIC}</p>' if report.synthetic else ""
    kind = "realised outcomes" if report.oracle is not None else "doubly robust estimates from logged outcomes"
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=html.escape(report.title),
        source=html.escape(
            f"{report.source}. {report.prompts:,} held-out prompts, {kind}. Brackets are 95 % intervals."
        ),
        banner=banner,
        cards="".join(_cards(report)),
        findings=findings,
        sections="".join(_sections(report)),
        caveats="".join(f"<li>{html.escape(note)}</li>" for note in (*report.notes, *NOT_CLAIMED)),
        plotly=get_plotlyjs(),
    )


def evaluation_json(report: Evaluation) -> str:
    """Render the evaluation as JSON text; arrays become lists (six digits), undefined numbers null."""
    return orjson.dumps(_plain(report), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return [_plain(float(f"{item:.6g}") if isinstance(item, float) else item) for item in value.tolist()]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return fields | ({"metrics": dict(value.metrics)} if isinstance(value, Evaluation) else {})
    return value


def _cards(e: Evaluation) -> Iterator[str]:
    near, share = e.ours.near_quality, e.ours.oracle_share
    avoided = Interval(1 - near.calls.value, 1 - near.calls.upper, 1 - near.calls.lower)
    yield _card(
        "reasoning calls avoided", percent(avoided, 0), f"within {100 * near.tolerance:g} point of always reasoning"
    )
    if share is not None:
        yield _card("share of the oracle's area", str(share), "0 is random, 1 knows every outcome")
    cost = e.ours.equal_quality.cost_per_success_usd
    if cost is not None:
        yield _card(
            "cost of 1,000 successful tasks", usd_with_interval(cost, 1000), "at the success of always reasoning"
        )
    if e.unseen and e.unseen.separation:
        yield _card("recognises unknown task types", str(e.unseen.separation.auroc), "AUROC of support; 0.5 is blind")


def _card(label: str, text: str, note: str) -> str:
    value, _, interval = text.partition(" [")
    parts = [f"<span>{html.escape(label)}</span><b>{html.escape(value)}</b>"]
    parts += [f"<small>[{html.escape(interval)}</small>"] if interval else []
    return f'<div class="card">{"".join(parts)}<em>{html.escape(note)}</em></div>'


def _sections(e: Evaluation) -> Iterator[str]:
    left = {table.place: table.html for table in tables(e)}
    for chart in evaluation_charts(e):
        yield _section(chart, left.pop(chart.key, ""))
    headings = {"standing": "Routers compared", "support": "Unseen task types"}
    for place, table in left.items():
        yield f"<section><h2>{html.escape(headings.get(place, place))}</h2>{table}</section>"


def _section(chart: Chart, table: str) -> str:
    plot = figure(chart).to_html(
        full_html=False, include_plotlyjs=False, div_id=chart.key, config={"displayModeBar": False, "responsive": True}
    )
    return f"<section><h2>{html.escape(chart.title)}</h2><p>{html.escape(chart.note)}</p>{plot}{table}</section>"
