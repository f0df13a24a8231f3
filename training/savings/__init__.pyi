from .html import write_page
from .published_case import work_out
from .replay import ReplaySettings, replay_traffic
from .terminal import case_json, case_table, savings_json, savings_tables, sentences

__all__ = [
    "ReplaySettings",
    "case_json",
    "case_table",
    "replay_traffic",
    "savings_json",
    "savings_tables",
    "sentences",
    "work_out",
    "write_page",
]
