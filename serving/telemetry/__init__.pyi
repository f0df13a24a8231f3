from .collectors import (
    collect_admission,
    collect_auth,
    collect_bundle,
    collect_control,
    collect_decision_service,
    collect_exploration,
    collect_journal,
    collect_model,
    collect_process,
    collect_replies,
)
from .decision_metrics import OTHER, STAGE_BOUNDS, DecisionMetrics
from .instruments import MetricRegistry
from .log_setup import LogFormat, start_logging
from .prometheus import PrometheusExposition
from .shared_board import SharedBoard
from .tracing import DecisionTracer

__all__ = [
    "OTHER",
    "STAGE_BOUNDS",
    "DecisionMetrics",
    "DecisionTracer",
    "LogFormat",
    "MetricRegistry",
    "PrometheusExposition",
    "SharedBoard",
    "collect_admission",
    "collect_auth",
    "collect_bundle",
    "collect_control",
    "collect_decision_service",
    "collect_exploration",
    "collect_journal",
    "collect_model",
    "collect_process",
    "collect_replies",
    "start_logging",
]
