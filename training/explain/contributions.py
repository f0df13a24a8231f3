"""Feature contributions to a predicted uplift, from LightGBM boosters that are stored as text beside the bundle.

LightGBM's contributions (TreeSHAP) are exact for a score, and sum up to it. Scores become probabilities, and
probabilities an uplift, by known functions of one number: each change from the average request to this one is
distributed in proportion, so that the parts still sum up to the uplift exactly.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import orjson

from serving.decision import BadInput, FloatArray
from training.atomic_files import write_atomically
from training.models import FittedModel, PiecewiseLinear, TreeHead, sigmoid
from training.types import Array

FILE = "heads.json.gz"
_NEAR = 1e-9


class NoHeads(BadInput):
    """The folder beside the bundle is missing, or belongs to another bundle."""


@dataclass(frozen=True, slots=True)
class UpliftParts:
    """Contributions to one arm's uplift, in points of probability.

    Parameters
    ----------
    average
        Uplift where every score is that of the average training prompt.
    columns
        float64 (P,), contribution of each column of the design row; average + their sum is the uplift.
    uplift
        Of the model, before it is blended with the prior.
    """

    average: float
    columns: Array
    uplift: float


@dataclass(frozen=True, slots=True)
class StoredHeads:
    """Stored heads: success of K arms, K or no feature-only heads, and the composition of the K - 1 uplifts."""

    bundle_id: str
    success: tuple[TreeHead, ...]
    elsewhere: tuple[TreeHead, ...]
    uplift: tuple[tuple[float, TreeHead | None, PiecewiseLinear], ...]

    def parts(self, row: FloatArray, place: int, support: float) -> UpliftParts:
        """Compute the contributions to the uplift of one arm.

        Parameters
        ----------
        row
            float32 (P,), design row.
        place
            Of the arm, from 1 on.
        support
            Of the request: weight of the full model against the feature-only one, where there is one.
        """
        weight, direct, calibration = self.uplift[place - 1]
        trust = support if self.elsewhere else 1.0
        arm, base = (self._success(row, k, trust) for k in (place, 0))
        columns = weight * (arm.columns - base.columns)
        start = weight * (arm.start - base.start)
        end = weight * (arm.end - base.end)
        if direct is not None:
            more = _score(direct, row).times(trust)
            columns, start, end = columns + more.columns, start + more.start, end + more.end
        at = calibration(np.array([start, end]))
        lifted = _Attribution(columns, start, end).through(float(at[0]), float(at[1]))
        return UpliftParts(lifted.start, lifted.columns, lifted.end)

    def _success(self, row: FloatArray, place: int, trust: float) -> _Attribution:
        near = _chance(_score(self.success[place], row))
        if not self.elsewhere:
            return near
        far = _chance(_score(self.elsewhere[place], row)).times(1.0 - trust)
        near = near.times(trust)
        return _Attribution(near.columns + far.columns, near.start + far.start, near.end + far.end)


@dataclass(frozen=True, slots=True)
class _Attribution:
    """Change of a number from `start` (the average request) to `end`, and the contribution of each column."""

    columns: Array
    start: float
    end: float

    def times(self, factor: float) -> _Attribution:
        """Scale by a factor."""
        return _Attribution(factor * self.columns, factor * self.start, factor * self.end)

    def through(self, start: float, end: float) -> _Attribution:
        """Map it with a function of one number that takes its ends to these."""
        rise = self.end - self.start
        if abs(rise) < _NEAR:
            return _Attribution(np.zeros_like(self.columns), end, end)
        return _Attribution(self.columns * ((end - start) / rise), start, end)


def _score(head: TreeHead, row: FloatArray) -> _Attribution:
    """Sum LightGBM's contributions; columns beyond the design row are constant for the head: part of its start."""
    columns: Array = np.zeros(len(row))
    start = head.offset
    for booster, weight, tail in head.parts:
        whole = np.concatenate([np.asarray(row, np.float64), tail])[None, :]
        values = np.asarray(booster.predict(whole, pred_contrib=True), np.float64)[0] * weight
        columns += values[: len(row)]
        start += float(values[len(row) :].sum())
    return _Attribution(columns, start, start + float(columns.sum()))


def _chance(score: _Attribution) -> _Attribution:
    ends = sigmoid(np.array([score.start, score.end]))
    return score.through(float(ends[0]), float(ends[1]))


def write_heads(model: FittedModel, bundle_id: str, folder: Path) -> Path:
    """Write the heads of success and uplift as one compressed JSON file of LightGBM's text models."""
    texts: dict[int, str] = {}
    stored = {
        "bundle_id": bundle_id,
        "success": [_written(head.score, texts) for head in model.success],
        "elsewhere": [_written(head, texts) for head in model.feature_only],
        "uplift": [
            {
                "success_weight": head.success_weight,
                "direct": None if head.direct is None else _written(head.direct, texts),
                "knots": head.calibration.knots.tolist(),
                "values": head.calibration.values.tolist(),
            }
            for head in model.uplift
        ],
        "boosters": list(texts.values()),
    }
    path = folder / FILE
    write_atomically(path, gzip.compress(orjson.dumps(stored), compresslevel=5, mtime=0))
    return path


def read_heads(folder: Path, bundle_id: str) -> StoredHeads:
    """Read what `write_heads` wrote.

    Raises
    ------
    NoHeads
        Nothing is there, or it is another bundle's.
    """
    path = folder / FILE
    try:
        stored = orjson.loads(gzip.decompress(path.read_bytes()))
        boosters = [lgb.Booster(model_str=text) for text in stored["boosters"]]
        heads = StoredHeads(
            stored["bundle_id"],
            tuple(_head(item, boosters) for item in stored["success"]),
            tuple(_head(item, boosters) for item in stored["elsewhere"]),
            tuple(
                (
                    float(item["success_weight"]),
                    None if item["direct"] is None else _head(item["direct"], boosters),
                    PiecewiseLinear(np.array(item["knots"], np.float64), np.array(item["values"], np.float64)),
                )
                for item in stored["uplift"]
            ),
        )
    except FileNotFoundError:
        raise NoHeads(f"{path} is not there: `thinkgate train` writes it beside the bundle") from None
    except (OSError, EOFError, KeyError, TypeError, ValueError, lgb.basic.LightGBMError) as fault:
        raise NoHeads(f"{path} can't be read ({type(fault).__name__}): train the bundle again") from None
    if heads.bundle_id != bundle_id:
        raise NoHeads(f"{folder} belongs to bundle {heads.bundle_id[:12]}, not {bundle_id[:12]}: name its own folder")
    return heads


def _written(head: TreeHead, texts: dict[int, str]) -> dict[str, Any]:
    """Refer to boosters by index, since heads share them."""
    numbers = []
    for booster in head.boosters:
        if id(booster) not in texts:
            texts[id(booster)] = booster.model_to_string()
        numbers.append(list(texts).index(id(booster)))
    tails = [list(tail) for tail in head.tails]
    return {"boosters": numbers, "weights": list(head.weights), "offset": head.offset, "tails": tails}


def _head(item: Mapping[str, Any], boosters: Sequence[lgb.Booster]) -> TreeHead:
    return TreeHead(
        tuple(boosters[number] for number in item["boosters"]),
        tuple(map(float, item["weights"])),
        float(item["offset"]),
        tuple(tuple(map(float, tail)) for tail in item["tails"]),
    )
