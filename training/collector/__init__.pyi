from .client import CallSettings, effort_sent
from .job import Job
from .prompt_file import read_prompts
from .run import collect, estimate_cost

__all__ = [
    "CallSettings",
    "Job",
    "collect",
    "effort_sent",
    "estimate_cost",
    "read_prompts",
]
