from .examples import (
    BATCH_REQUESTS,
    DECISION,
    DECISION_REQUESTS,
    EXPLANATION,
    OUTCOME_REPORTS,
    PROBLEM,
    REWRITE_BODIES,
    REWRITE_PATCH,
    REWRITTEN_BODY,
)
from .openapi import (
    BODY_REFUSALS,
    DECISION_REFUSALS,
    DESCRIPTION,
    complete_document,
    model_reference,
    problem_responses,
    request_body,
    responses,
)
from .page import render

__all__ = [
    "BATCH_REQUESTS",
    "BODY_REFUSALS",
    "DECISION",
    "DECISION_REFUSALS",
    "DECISION_REQUESTS",
    "DESCRIPTION",
    "EXPLANATION",
    "OUTCOME_REPORTS",
    "PROBLEM",
    "REWRITE_BODIES",
    "REWRITE_PATCH",
    "REWRITTEN_BODY",
    "complete_document",
    "model_reference",
    "problem_responses",
    "render",
    "request_body",
    "responses",
]
