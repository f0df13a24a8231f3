from .aggregation import CellIndex, distinct_prompts, first_labels, first_rows, numeric_column, row_requests
from .arm_inference import arm_usage, infer_arms, name_arms
from .dataset import Dataset, build_dataset, group_dataset
from .overlap import observation_probability, overlap, require_overlap
from .requirements import MINIMUM_PROMPTS, require_drawn, require_labels, require_prompts
from .sampling import LEARN_FROM, DrawnSample, draw_prompts
from .splits import split_by_task

__all__ = [
    "LEARN_FROM",
    "MINIMUM_PROMPTS",
    "CellIndex",
    "Dataset",
    "DrawnSample",
    "arm_usage",
    "build_dataset",
    "distinct_prompts",
    "draw_prompts",
    "first_labels",
    "first_rows",
    "group_dataset",
    "infer_arms",
    "name_arms",
    "numeric_column",
    "observation_probability",
    "overlap",
    "require_drawn",
    "require_labels",
    "require_overlap",
    "require_prompts",
    "row_requests",
    "split_by_task",
]
