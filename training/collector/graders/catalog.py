"""Catalog of graders by name; `judge` is not in it, since the collector makes the judge's model calls."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from training.collector.graders.answers import exact, json_schema, numeric, reasoning_gym, regex
from training.collector.graders.base import Grader
from training.collector.graders.code_sandbox import unit_test

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
