"""Explains one decision: its utility sum, the feature contributions, and the most similar historical cases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from serving.decision import Decision, Engine, FloatArray, Request
from serving.decision.bundle import MODEL, Bundle, open_session
from serving.decision.features import FEATURE_NAMES, encode_batch
from serving.decision.selection import UtilityBreakdown, utility_breakdown
from training.explain.contributions import NoHeads, read_heads
from training.explain.similar_cases import SimilarCase, nearest_cases
from training.export import DESIGN, with_design_output
from training.types import Array

LAST, REST = "words of the last turn", "words of the conversation before"


@dataclass(frozen=True, slots=True)
class FeatureContribution:
    """Contribution of one feature to the uplift.

    Parameters
    ----------
    value
        The count or size that it stands for; None for the words themselves.
    points
        Of probability; negative in favour of the baseline.
    """

    name: str
    value: float | None
    points: float


@dataclass(frozen=True, slots=True)
class ArmContributions:
    """Contributions to the uplift of one arm.

    Parameters
    ----------
    average, uplift
        Of the average training prompt, and of this one: of the model, before it is blended with the prior.
    moved
        Largest first; they sum up to `uplift` - `average`.
    """

    arm: str
    average: float
    uplift: float
    moved: tuple[FeatureContribution, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision and its explanation; `missing` says why contributions and cases are not available."""

    decision: Decision
    arithmetic: UtilityBreakdown
    contributions: tuple[ArmContributions, ...]
    cases: tuple[SimilarCase, ...]
    missing: str


def companion_folder(bundle: Path) -> Path:
    """Name the folder that training writes beside a bundle.

    >>> companion_folder(Path("out/bundle")).as_posix()
    'out/bundle-explain'
    """
    return bundle.with_name(f"{bundle.name}-explain")


def explain_decision(
    path: Path, model: Bundle, engine: Engine, request: Request, folder: Path | None = None
) -> Explained:
    """Decide a request, and explain the decision.

    Parameters
    ----------
    path, model
        The bundle's folder, and the bundle.
    folder
        The companion folder; `PATH-explain` where None.
    """
    decided = engine.decide_recorded(request)
    assert decided.record is not None
    row = design_row(path, model, request)
    dims = (len(row) - len(FEATURE_NAMES)) // 2
    kept = folder or companion_folder(path)
    try:
        heads = read_heads(kept, model.bundle_id)
        support = model.predict_request(request).support
        parts = [(arm.name, heads.parts(row, place, support)) for place, arm in enumerate(model.arms) if place]
        contributions = tuple(
            ArmContributions(name, part.average, part.uplift, _moved(part.columns, row, dims)) for name, part in parts
        )
        missing = ""
    except NoHeads as reason:
        contributions, missing = (), str(reason)
    found = nearest_cases(kept, row[:dims]) if not missing else ()
    return Explained(
        decided.decision, utility_breakdown(decided.record, engine.bound_policy), contributions, found, missing
    )


def design_row(path: Path, model: Bundle, request: Request) -> FloatArray:
    """Compute the design row of a request with the bundle's own graph, float32 (2 D + F,)."""
    graph = with_design_output(onnx.load(path / MODEL))
    session = open_session(graph.SerializeToString(), path / MODEL)
    inputs = encode_batch((request,), model.tokenizer, model.manifest.encoder.limits)
    feeds: dict[str, NDArray[np.generic]] = {
        "token_ids": inputs.token_ids,
        "token_weights": inputs.token_weights,
        "features": inputs.features,
    }
    row: FloatArray = session.run((DESIGN,), feeds)[0][0]
    return row


def _moved(columns: Array, row: FloatArray, dims: int) -> tuple[FeatureContribution, ...]:
    """Group the columns: each embedding as a whole, features one by one with the count that they are the log of."""
    found = [
        FeatureContribution(LAST, None, float(columns[:dims].sum())),
        FeatureContribution(REST, None, float(columns[dims : 2 * dims].sum())),
    ]
    found += [
        FeatureContribution(name, round(float(np.expm1(value)), 2), float(points))
        for name, value, points in zip(FEATURE_NAMES, row[2 * dims :], columns[2 * dims :], strict=True)
    ]
    return tuple(sorted(found, key=lambda each: -abs(each.points)))
