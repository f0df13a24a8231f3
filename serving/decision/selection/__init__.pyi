from .arm_scoring import EveryArmDenied, allowed_indices
from .choice import Because, may_change_in_loop
from .decide import DrawnDecision, cost_at_multipliers, decide_from_record, draw_from_record
from .decision_record import DecisionRecord, RequestContext, context_of
from .runtime_state import HEALTHY, NEUTRAL, ArmHealth, RuntimeState, Session, combine_states
from .utility_breakdown import UtilityBreakdown, utility_breakdown

__all__ = [
    "HEALTHY",
    "NEUTRAL",
    "ArmHealth",
    "Because",
    "DecisionRecord",
    "DrawnDecision",
    "EveryArmDenied",
    "RequestContext",
    "RuntimeState",
    "Session",
    "UtilityBreakdown",
    "allowed_indices",
    "combine_states",
    "context_of",
    "cost_at_multipliers",
    "decide_from_record",
    "draw_from_record",
    "may_change_in_loop",
    "utility_breakdown",
]
