from .concept_drift import ConceptDrift
from .logging_policies import (
    Always,
    Exploring,
    LegacyRouter,
    LoggingPolicy,
    RuleBasedRouter,
    TruePolicyValue,
    Uniform,
    oracle_policy,
    true_value,
)
from .prompt_sample import PromptSample
from .response_model import WorldTruth
from .spec import DEFAULT_ARMS, WorldSpec
from .task_types import FAILURE_MODES, LANGUAGES, TASKS, BadWorld
from .world import World

__all__ = [
    "DEFAULT_ARMS",
    "FAILURE_MODES",
    "LANGUAGES",
    "TASKS",
    "Always",
    "BadWorld",
    "ConceptDrift",
    "Exploring",
    "LegacyRouter",
    "LoggingPolicy",
    "PromptSample",
    "RuleBasedRouter",
    "TruePolicyValue",
    "Uniform",
    "World",
    "WorldSpec",
    "WorldTruth",
    "oracle_policy",
    "true_value",
]
