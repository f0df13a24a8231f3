"""The synthetic world: made-up prompts and calls whose truth is known, so that estimators can be checked against it.

SYNTHETIC, and so labelled in every record (`source` = "synthetic", ids that begin with "synthetic-"). No figure from
here says anything about a real model. Read downwards:

    taxonomy    the tasks and what is true of each
    templates/  templates and words, one file per language
    wording     templates -> prompts that partly show how hard they are
    shift       what changes in the middle of the world's time
    response    prompt and arm -> success, failure modes, tokens, latency: the truth
    tariff      tokens and time -> USD
    draws       prompts with their truth
    blocks      seed -> draws
    policies    logging policies; the true value of any routing; the oracle
    outcomes    draws + policy + luck -> outcome records
    synthetic   `World`, which ties them together

Benefit is not monotone in difficulty: what is trivial and what is hopeless gains nothing from reasoning.
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
from training.synthetic.task_types import FAILURE_MODES, LANGUAGES, TASKS, BadWorld
from training.synthetic.world import DEFAULT_ARMS, World

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
    "WorldTruth",
    "oracle_policy",
    "true_value",
]
