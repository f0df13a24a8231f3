from .chat_only import is_chat
from .not_applied import NOT_APPLIED
from .output_limits import leaves_room, lower_limit, rename_limit
from .plan import Plan, PlanOptions, make_plan, say_none
from .target import Target
from .tool_settings import forces_tool, has_function_tools

__all__ = [
    "NOT_APPLIED",
    "Plan",
    "PlanOptions",
    "Target",
    "forces_tool",
    "has_function_tools",
    "is_chat",
    "leaves_room",
    "lower_limit",
    "make_plan",
    "rename_limit",
    "say_none",
]
