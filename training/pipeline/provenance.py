"""Builds the provenance part of a manifest: data fingerprint, learners, calibration, certificate and metrics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from serving.decision import Request, split_last_turn
from serving.decision.bundle import DataFingerprint, Metadata
from serving.decision.features import identify_language
from serving.decision.harness import user_words
from training.dataset import DrawnSample, overlap
from training.evaluation import Evaluation
from training.export import BundleLineage
from training.metrics import Certificate
from training.models import Fitted, hidden_shares
from training.records import History

_FEW = 20
"""Requests from which a language counts as known in any history."""


def lineage_of(
    history: History,
    drawn: DrawnSample,
    fitted: Fitted,
    evaluation: Evaluation,
    run_id: str | None = None,
    learnt_from: int | None = None,
) -> BundleLineage:
    """Collect the provenance of a trained model.

    Parameters
    ----------
    drawn
        The sampled prompts; the fingerprint counts the prompts of the whole history.
    run_id
        Of MLflow.
    learnt_from
        Prompts that success and uplift were learnt from; None: the sampled ones.
    """
    start, end = (moment.isoformat() if moment else None for moment in (history.start, history.end))
    certificate: Metadata | None = None
    if isinstance(evaluation.certificate, Certificate):
        certificate = asdict(evaluation.certificate)
    dataset = drawn.dataset
    return BundleLineage(
        data=DataFingerprint(history.digest, history.counts.kept, drawn.population, start, end),
        learner={
            "prompts": learnt_from or len(dataset),
            "candidates": {learner.name: learner.value for learner in fitted.learners},
            "trees": asdict(fitted.trees),
            "overlap": [str(arm) for arm in overlap(dataset)],
            "hidden_share": dict(hidden_shares(dataset)),
        },
        calibration={"kind": "binned isotonic, cross-fitted", "prompts": len(dataset)},
        certificate=certificate,
        metrics={key: float(value) for key, value in evaluation.metrics.items() if np.isfinite(value)},
        mlflow={"run_id": run_id} if run_id else None,
        languages=languages_of(dataset.requests),
    )


def languages_of(requests: Sequence[Request]) -> tuple[str, ...]:
    """Name the languages that a good share of the requests are written in, the commonest first.

    A language counts from `_FEW` requests on, or from one in a hundred of a short history. Of a request the user's own
    words of the last user turn are read; requests that do not tell their language are left out.
    """
    read = (identify_language(split_last_turn(user_words(request)).last) for request in requests)
    counts = Counter(language for language in read if language is not None)
    enough = min(_FEW, max(math.ceil(len(requests) / 100), 1))
    return tuple(language for language, count in counts.most_common() if count >= enough)
