from .contributions import write_heads
from .explain import Explained, companion_folder, explain_decision
from .similar_cases import KeepCases, write_cases
from .terminal import explanation_tables

__all__ = [
    "Explained",
    "KeepCases",
    "companion_folder",
    "explain_decision",
    "explanation_tables",
    "write_cases",
    "write_heads",
]
