"""The graders by name. `judge` is not among them: it asks a model, so the collector sends its questions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from training.graders.answers import exact, json_schema, numeric, regex
from training.graders.gym import reasoning_gym
from training.graders.unit_test import unit_test
from training.graders.verdict import Grader

GRADERS: Final[Mapping[str, Grader]] = MappingProxyType(
    {
        "exact": exact,
        "numeric": numeric,
        "regex": regex,
        "json_schema": json_schema,
        "unit_test": unit_test,
        "reasoning_gym": reasoning_gym,
    }
)
JUDGE: Final = "judge"
