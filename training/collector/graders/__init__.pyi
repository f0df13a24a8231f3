from .base import BadCheck, Check, Grade
from .catalog import GRADERS, JUDGE
from .code_sandbox import isolation
from .llm_judge import judge_grade, judge_prompts

__all__ = [
    "GRADERS",
    "JUDGE",
    "BadCheck",
    "Check",
    "Grade",
    "isolation",
    "judge_grade",
    "judge_prompts",
]
