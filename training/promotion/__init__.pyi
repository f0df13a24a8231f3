from .canary import CanarySettings, PublishFolders, check_canary, end_canary, note_canary_start, publish
from .gate import run_gate
from .gate_log import GateExpectation, GateLog, GateRecord
from .gate_types import GateSettings, GateVerdict, Promote
from .holdout import HistorySplit, forecast, held_out, split_newest
from .live_check import MIN_OUTCOMES, check_live, live_outcomes
from .registry import CHAMPION, CandidateRun, DataLineage, Registry, Run, Version

__all__ = [
    "CHAMPION",
    "MIN_OUTCOMES",
    "CanarySettings",
    "CandidateRun",
    "DataLineage",
    "GateExpectation",
    "GateLog",
    "GateRecord",
    "GateSettings",
    "GateVerdict",
    "HistorySplit",
    "Promote",
    "PublishFolders",
    "Registry",
    "Run",
    "Version",
    "check_canary",
    "check_live",
    "end_canary",
    "forecast",
    "held_out",
    "live_outcomes",
    "note_canary_start",
    "publish",
    "run_gate",
    "split_newest",
]
