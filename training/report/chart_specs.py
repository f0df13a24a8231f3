"""Charts as plain values, independent of any plotting library; `plots` draws them as PNG and with plotly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from training.types import Array

Kind = Literal["line", "points", "bars"]
Role = Literal["ours", "baseline", "ceiling", "floor", "note"]


@dataclass(frozen=True, slots=True)
class Series:
    """One line, cloud or group of bars.

    Parameters
    ----------
    x, y
        (m,); of a chart with categories, x counts categories from 0.
    lower, upper
        (m,) a band around a line, whiskers on points and bars; or None.
    role
        Decides the colour's weight: ours stands out, baselines stay thin.
    """

    name: str
    kind: Kind
    x: Array
    y: Array
    lower: Array | None = None
    upper: Array | None = None
    role: Role = "baseline"


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure.

    Parameters
    ----------
    key
        File name without its ending; unique.
    title, note
        The headline, and what to see in plain words.
    categories
        Names along x, or none where x is a number.
    sideways
        Categories run downwards.
    percent_x, percent_y, usd_x
        How ticks read.
    log_x, log_y
        Logarithmic axes.
    diagonal
        Draw 'forecast = truth'.
    """

    key: str
    title: str
    note: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    categories: tuple[str, ...] = ()
    sideways: bool = False
    percent_x: bool = False
    percent_y: bool = False
    usd_x: bool = False
    log_x: bool = False
    log_y: bool = False
    diagonal: bool = False
