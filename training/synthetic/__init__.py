"""Synthetic prompts and calls whose truth is known, so that estimators can be checked against it.

SYNTHETIC, and so labelled in every record (`source` = "synthetic", ids that begin with "synthetic-"). No figure from
here says anything about a real model. Read downwards:

    task_types         the tasks and what is true of each
    templates/         templates and words, one file per language
    prompt_templates   templates -> prompts that partly show how hard they are
    concept_drift      what changes in the middle of the history
    spec               the parameters of a world
    prices             tokens and time -> USD
    response_model     prompt and arm -> success, failure modes, tokens, latency: the truth
    prompt_sample      prompts with their truth
    prompt_generator   seed -> prompt samples
    logging_policies   logging policies; the true value of any routing; the oracle
    outcome_generator  prompt sample + policy + noise -> outcome records
    world              `World`, which ties them together

Benefit is not monotone in difficulty: trivial and hopeless requests gain nothing from reasoning.
"""

from training.synthetic.concept_drift import ConceptDrift
from training.synthetic.logging_policies import (
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
from training.synthetic.prompt_sample import PromptSample
from training.synthetic.response_model import WorldTruth
from training.synthetic.spec import DEFAULT_ARMS, WorldSpec
from training.synthetic.task_types import FAILURE_MODES, LANGUAGES, TASKS, BadWorld
from training.synthetic.world import World

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
