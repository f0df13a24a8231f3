from .chart_specs import Chart, Series
from .html import TEMPLATE, evaluation_json, write_report
from .plots import figure, write_png
from .summary import summary
from .terminal import decision_table, decisions_table

__all__ = [
    "TEMPLATE",
    "Chart",
    "Series",
    "decision_table",
    "decisions_table",
    "evaluation_json",
    "figure",
    "summary",
    "write_png",
    "write_report",
]
