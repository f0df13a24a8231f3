"""Draws charts as PNG (matplotlib) and as interactive figures (plotly).

Colours are the palette of Okabe and Ito, distinguishable with any colour vision, and lines differ in dash as well.
Neither library's global state is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from training.evaluation import Evaluation
from training.report.chart_specs import Chart, Role, Series
from training.report.model_charts import model_charts
from training.report.routing_charts import routing_charts

BLUE, INK, GREY, STONE = "#0072B2", "#1b1f24", "#8a9099", "#a9b3bf"
BASELINE_COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7a5195", "#5c6b2f")
DASHES = ("solid", "dash", "dashdot", "longdash", "dot")
MPL_DASHES = {"solid": "-", "dash": "--", "dashdot": "-.", "longdash": (0, (8, 3)), "dot": ":"}


@dataclass(frozen=True, slots=True)
class _Style:
    colour: str
    width: float
    dash: str


def evaluation_charts(evaluation: Evaluation) -> tuple[Chart, ...]:
    """All charts for which the evaluation has data, in reading order."""
    return (*routing_charts(evaluation), *model_charts(evaluation))


def write_pngs(evaluation: Evaluation, folder: Path) -> tuple[Path, ...]:
    """Write every figure to `folder` as KEY.png and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = "SYNTHETIC data" if evaluation.synthetic else ""
    return tuple(write_png(chart, folder / f"{chart.key}.png", mark) for chart in evaluation_charts(evaluation))


def write_png(chart: Chart, path: Path, mark: str = "") -> Path:
    """Draw one figure as PNG, 144 dots an inch; `mark` is printed in its corner, since pictures travel alone."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams |= {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True}
        figure = Figure(figsize=(9.6, _height(chart)), layout="constrained")
        axes = figure.add_subplot()
        for series, style in _styled(chart):
            _draw(axes, chart, series, style)
        _format_axes(axes, chart)
        if mark:
            figure.suptitle(mark, x=0.995, ha="right", fontsize=9, fontweight="bold", color=BASELINE_COLOURS[0])
        FigureCanvasAgg(figure)
        figure.savefig(path, dpi=144)
    return path


def figure(chart: Chart) -> go.Figure:
    """One interactive figure."""
    drawn = go.Figure()
    for series, style in _styled(chart):
        for trace in _traces(chart, series, style):
            drawn.add_trace(trace)
    if chart.diagonal:
        low, high = _span(chart)
        line = {"color": GREY, "dash": "dash", "width": 1.5}
        drawn.add_trace(go.Scatter(x=[low, high], y=[low, high], mode="lines", line=line, name="forecast = truth"))
    x: dict[str, object] = {"title": chart.x_label}
    y: dict[str, object] = {"title": chart.y_label, "zerolinecolor": "#c9ced6"}
    x |= {"tickformat": ".1~%"} if chart.percent_x else {"tickprefix": "$"} if chart.usd_x else {}
    y |= {"tickformat": ".1~%"} if chart.percent_y else {}
    ticks = {"type": "log", "dtick": "D2", "tickformat": ","}
    x |= ticks if chart.log_x else {}
    y |= ticks if chart.log_y else {}
    if chart.categories:
        x |= {"tickvals": list(range(len(chart.categories))), "ticktext": list(chart.categories)}
    drawn.update_layout(
        template="plotly_white",
        xaxis=y if chart.sideways else x,
        yaxis=x if chart.sideways else y,
        height=96 * _height(chart),
        margin={"l": 10, "r": 10, "t": 16, "b": 10},
        barmode="group",
        hovermode="closest",
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0, "traceorder": "reversed"},
    )
    drawn.update_xaxes(automargin=True)
    drawn.update_yaxes(automargin=True)
    return drawn


def _height(chart: Chart) -> float:
    return max(3.0, 0.32 * len(chart.categories) + 1.6) if chart.sideways else 5.4


def _styled(chart: Chart) -> Iterator[tuple[Series, _Style]]:
    """Baselines take colours in turn; ours is drawn last, on top."""
    fixed: dict[Role, _Style] = {
        "ours": _Style(BLUE, 3.0, "solid"),
        "floor": _Style(GREY, 1.6, "dash"),
        "ceiling": _Style(INK, 1.4, "dot"),
        "note": _Style(INK, 1.4, "solid"),
    }
    baselines = (_Style(BASELINE_COLOURS[i % len(BASELINE_COLOURS)], 1.6, DASHES[i % len(DASHES)]) for i in range(1000))
    beside = _Style(STONE, 1.6, "solid")
    styled = [(s, fixed.get(s.role) or (beside if s.kind == "bars" else next(baselines))) for s in chart.series]
    return iter(sorted(styled, key=lambda pair: (pair[0].role == "ours", pair[0].role == "note")))


def _span(chart: Chart) -> tuple[float, float]:
    values = np.concatenate([v for s in chart.series for v in (s.x, s.y)])
    return float(values.min()), float(values.max())


def _bars(chart: Chart) -> list[Series]:
    return [s for s in chart.series if s.kind == "bars"]


def _overlapping(chart: Chart) -> bool:
    """True if bars of different series share a category, so that they stand side by side."""
    places = np.concatenate([s.x for s in _bars(chart)])
    return len(np.unique(places)) < len(places)


def _whiskers(s: Series) -> np.ndarray[tuple[int, int], np.dtype[np.float64]] | None:
    if s.lower is None or s.upper is None:
        return None
    return np.maximum(np.stack([s.y - s.lower, s.upper - s.y]), 0)


def _draw(axes: Axes, chart: Chart, s: Series, style: _Style) -> None:
    whiskers, dash = _whiskers(s), MPL_DASHES[style.dash]
    if s.kind == "line":
        axes.plot(
            s.x,
            s.y,
            color=style.colour,
            linewidth=style.width,
            linestyle=dash,
            label=s.name,
            marker="o" if len(s.x) < 12 else "",
        )
        if s.lower is not None and s.upper is not None:
            axes.fill_between(s.x, s.lower, s.upper, color=style.colour, alpha=0.18, linewidth=0)
    elif s.kind == "points" and s.role == "note":
        axes.scatter(s.x, s.y, color=INK, s=36, zorder=6)
        right = s.x[0] > 0.7
        offset, align = (-6 if right else 6, 8 if _lifted(s) else -13), "right" if right else "left"
        axes.annotate(s.name, (s.x[0], s.y[0]), xytext=offset, textcoords="offset points", fontsize=9, ha=align)
    elif s.kind == "points":
        x, y = (s.y, s.x) if chart.sideways else (s.x, s.y)
        small = len(x) > 60
        axes.scatter(x, y, color=style.colour, s=9 if small else 34, alpha=0.45 if small else 1, zorder=4, label=s.name)
        if whiskers is not None:
            axes.errorbar(x, y, yerr=whiskers, fmt="none", ecolor=style.colour, elinewidth=1.2, capsize=2.5)
    else:
        together = _bars(chart) if _overlapping(chart) else [s]
        width = 0.7 / len(together)
        place = s.x + (together.index(s) - (len(together) - 1) / 2) * width if len(together) > 1 else s.x
        if chart.sideways:
            axes.barh(place, s.y, width, color=style.colour, label=s.name)
        else:
            axes.bar(place, s.y, width, color=style.colour, label=s.name)
        if whiskers is not None:
            x, y = (s.y, place) if chart.sideways else (place, s.y)
            side = (None, whiskers) if chart.sideways else (whiskers, None)
            axes.errorbar(x, y, yerr=side[0], xerr=side[1], fmt="none", ecolor=INK, elinewidth=1.1, capsize=2.5)


def _lifted(s: Series) -> bool:
    """Say whether a note's name goes above its dot: at the right end, where our policy's may lie just below."""
    return bool(s.x[0] > 0.999)


def _format_axes(axes: Axes, chart: Chart) -> None:
    along, across = (axes.yaxis, axes.xaxis) if chart.sideways else (axes.xaxis, axes.yaxis)
    if chart.diagonal:
        low, high = _span(chart)
        axes.plot(
            [low, high], [low, high], color=GREY, linestyle="--", linewidth=1.3, label="forecast = truth", zorder=1
        )
    if chart.percent_x:
        along.set_major_formatter(PercentFormatter(1, decimals=None))
    if chart.usd_x:
        along.set_major_formatter(FuncFormatter(lambda value, _: f"${value:g}"))
    if chart.percent_y:
        across.set_major_formatter(PercentFormatter(1, decimals=None))
    for logarithmic, axis, scale in (
        (chart.log_x, axes.xaxis, axes.set_xscale),
        (chart.log_y, axes.yaxis, axes.set_yscale),
    ):
        if logarithmic:
            scale("log")
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    if chart.sideways:
        axes.set_ylim(-0.6, len(chart.categories) - 0.4)
    if chart.categories:
        along.set_ticks(range(len(chart.categories)), labels=list(chart.categories))
    axes.set_title(chart.title, loc="left", fontweight="bold", color=INK)
    across.set_label_text(chart.y_label)
    along.set_label_text(chart.x_label)
    across.grid(visible=True, color="#e4e7eb")
    if len(chart.series) > 1 or chart.diagonal:
        handles, names = axes.get_legend_handles_labels()
        if len(chart.series) > 4:
            axes.legend(handles[::-1], names[::-1], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        else:
            axes.legend(handles[::-1], names[::-1], frameon=False, fontsize=9)


def _traces(chart: Chart, s: Series, style: _Style) -> Iterator[go.Scatter | go.Bar]:
    x, y = (s.y, s.x) if chart.sideways else (s.x, s.y)
    whiskers, line = _whiskers(s), {"color": style.colour, "width": style.width, "dash": style.dash}
    errors = None
    if whiskers is not None:
        errors = {"type": "data", "array": whiskers[1], "arrayminus": whiskers[0], "thickness": 1.2, "width": 3}
    ends = {"error_x" if chart.sideways else "error_y": errors}
    if s.kind == "bars":
        marker = {"color": style.colour, "opacity": 0.85}
        width = None if _overlapping(chart) else 0.7
        yield go.Bar(
            x=x, y=y, name=s.name, orientation="h" if chart.sideways else "v", marker=marker, width=width, **ends
        )
    elif s.kind == "points":
        named, side = s.role == "note", "left" if s.x[0] > 0.7 else "right"
        marker = {"color": style.colour, "size": 5 if len(x) > 60 else 9, "opacity": 0.5 if len(x) > 60 else 1}
        height = "top" if named and _lifted(s) else "bottom"
        text = {"text": [s.name], "textposition": f"{height} {side}", "showlegend": False} if named else {}
        yield go.Scatter(
            x=x, y=y, name=s.name, mode="markers+text" if named else "markers", marker=marker, **text, **ends
        )
    else:
        if s.lower is not None and s.upper is not None:
            edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
            fill = "rgba({},{},{},0.18)".format(*(int(style.colour[i : i + 2], 16) for i in (1, 3, 5)))
            yield go.Scatter(x=x, y=s.lower, **edge)
            yield go.Scatter(x=x, y=s.upper, fill="tonexty", fillcolor=fill, **edge)
        yield go.Scatter(x=x, y=y, name=s.name, mode="lines", line=line)
