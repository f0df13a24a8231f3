from .admission import AdmissionControl, AdmissionStats, QueueLoad
from .applied import (
    FAILED,
    Rewriting,
    continues_loop,
    counting_unread,
    describe_applied,
    effort_history_of,
    notify_rewritten,
    rewrite_decided,
)
from .decision_service import DecisionService, DecisionStats
from .error_problems import CALL_ERRORS, SERVER_FAULT, error_location, problem_of
from .explanation import Explanation, explain_entry, net_benefit_usd
from .exploration_cap import ExplorationCap, ExplorationStats
from .outcome_service import NoJournal, OutcomeService, OutcomeStats, RecentDecisions
from .policy_snapshots import PolicySnapshots
from .ports import DecisionSink, OutcomeSink, RuntimeStateSource

__all__ = [
    "CALL_ERRORS",
    "FAILED",
    "SERVER_FAULT",
    "AdmissionControl",
    "AdmissionStats",
    "DecisionService",
    "DecisionSink",
    "DecisionStats",
    "Explanation",
    "ExplorationCap",
    "ExplorationStats",
    "NoJournal",
    "OutcomeService",
    "OutcomeSink",
    "OutcomeStats",
    "PolicySnapshots",
    "QueueLoad",
    "RecentDecisions",
    "Rewriting",
    "RuntimeStateSource",
    "continues_loop",
    "counting_unread",
    "describe_applied",
    "effort_history_of",
    "error_location",
    "explain_entry",
    "net_benefit_usd",
    "notify_rewritten",
    "problem_of",
    "rewrite_decided",
]
