"""Builds the provenance part of a manifest: data fingerprint, learners, calibration, certificate and metrics."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from serving.decision.bundle import DataFingerprint, Metadata
from training.dataset import DrawnSample, overlap
from training.evaluation import Evaluation
from training.export import BundleLineage
from training.metrics import Certificate
from training.models import Fitted, hidden_shares
from training.records import History


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
    )
