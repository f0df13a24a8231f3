"""Writes the bundle that the kernel accepts: graph, tokenizer, golden vectors, manifest; proven, then put in place."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from serving.decision import golden
from serving.decision.bundle import Bundle, load, open_session
from serving.decision.features import FEATURE_NAMES
from serving.decision.inputs import prepare
from serving.decision.manifest import (
    FILES,
    GOLDEN,
    MANIFEST,
    MODEL,
    TOKENIZER,
    Consumption,
    DataFingerprint,
    EncoderSpec,
    Facts,
    Manifest,
)
from serving.decision.tokens import Tokenizer
from serving.decision.types import Arm, Message, Prediction, Request
from training.encoder import Encoder, StaticEncoder, design
from training.errors import TrainingError
from training.graph import build
from training.model import FittedModel
from training.reference import Predictions, predict

PARITY = 1e-5
"""Largest difference between the graph and LightGBM with numpy: absolute up to 1, relative above."""

_SAMPLES: tuple[Request, ...] = (
    Request((Message("user", "."),)),
    Request((Message("user", "What is 17 * 23?"),)),
    Request((Message("user", "Plan a migration in five steps, and weigh cost against risk at each. " * 40),)),
    Request((Message("system", "Be brief."), Message("user", "Fix the bug?"), Message("assistant", "Shall I commit?"),
             Message("user", "yes, do it"))),
    Request((Message("user", "Fasse den Text in zwei Sätzen zusammen: Größe zählt nicht. 总结一下。¿Y en español?"),)),
    Request((Message("user", "```python\ndef f(x):\n    return [x for _ in range(3)]\n```\nIs it slow?"),), tools=3),
)  # fmt: skip


class ParityBroken(TrainingError):
    """The graph does not give what LightGBM and numpy give; nothing was written."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What the manifest says of where the model comes from and how good it is."""

    data: DataFingerprint
    learner: Facts = field(default_factory=dict)
    calibration: Facts = field(default_factory=dict)
    certificate: Facts | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    mlflow: Facts | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle in place, and how far its graph is from the reference at most."""

    path: Path
    bundle: Bundle
    difference: float
    compared: int


def export(
    model: FittedModel,
    encoder: Encoder,
    arms: Sequence[Arm],
    out: Path,
    lineage: Lineage,
    *,
    compare: Sequence[Request] = (),
    now: datetime | None = None,
) -> Exported:
    """Write a bundle, prove it, then put it in place; a bundle that was there is replaced as a whole.

    Parameters
    ----------
    arms
        K of them, as the model was fitted.
    out
        The bundle's folder.
    compare
        Requests on which graph and reference are compared, beside a fixed sample.

    Raises
    ------
    ParityBroken
        The graph differs from the reference by more than `PARITY`.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        requests = (*_SAMPLES, *compare)
        contents = {
            MODEL: build(model, encoder, len(FEATURE_NAMES)).SerializeToString(),
            TOKENIZER: encoder.tokenizer_json.encode("utf-8"),
        }
        manifest = _manifest(model, encoder, arms, lineage, now)
        tokenizer = Tokenizer.from_json(encoder.tokenizer_json)
        draft = Bundle(manifest, tokenizer, open_session(contents[MODEL], folder / MODEL))
        difference = parity(draft.predict_requests(requests), predict(model, design(encoder, requests)))
        if not difference <= PARITY:
            raise ParityBroken(f"graph and reference differ by {difference:.2g}, more than {PARITY:g}: report this")
        contents[GOLDEN] = _golden(draft).encode("utf-8")
        bundle = _write(folder, contents, manifest)
        _replace(folder, out)
        return Exported(out, bundle, difference, len(requests))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def parity(found: Sequence[Prediction], wanted: Predictions) -> float:
    """Largest difference of any number, absolute up to 1 and relative above; NaN where one is not finite."""
    worst = 0.0
    for name in (item.name for item in fields(Predictions)):
        ours = np.array([np.atleast_1d(getattr(row, name)) for row in found], np.float64)
        theirs = np.asarray(getattr(wanted, name), np.float64).reshape(ours.shape)
        if ours.size:
            worst = float(np.maximum(worst, np.max(np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs)))))
    return worst


def _golden(bundle: Bundle) -> str:
    """Fixed requests only: an operator's prompts stay out of bundles."""
    predictions = [bundle.predict(prepare([r], bundle.tokenizer, bundle.manifest.encoder.limits))[0] for r in _SAMPLES]
    pairs = zip(_SAMPLES, predictions, strict=True)
    return golden.to_json([golden.GoldenVector(request, prediction) for request, prediction in pairs])


def _manifest(
    model: FittedModel, encoder: Encoder, arms: Sequence[Arm], lineage: Lineage, now: datetime | None
) -> Manifest:
    tokens = {head.source for head in model.output_tokens}
    latency = {head.source for head in model.latency_ms}
    return Manifest(
        created=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
        thinkgate_version=version("thinkgate"),
        arms=tuple(arms),
        features=FEATURE_NAMES,
        encoder=EncoderSpec(
            "static" if isinstance(encoder, StaticEncoder) else "transformer", encoder.name, encoder.limits
        ),
        tasks=model.tasks.names if model.tasks else (),
        files={},
        consumption=Consumption(
            "history" if tokens == {"history"} else "defaults", "history" if latency == {"history"} else "defaults"
        ),
        data=lineage.data,
        learner={**model.notes, **lineage.learner},
        calibration=lineage.calibration,
        certificate=lineage.certificate,
        metrics=lineage.metrics,
        mlflow=lineage.mlflow,
    )


def _write(folder: Path, contents: Mapping[str, bytes], manifest: Manifest) -> Bundle:
    """Write all files and load them as the server would."""
    for name in FILES:
        (folder / name).write_bytes(contents[name])
    hashes = {name: hashlib.sha256(contents[name]).hexdigest() for name in FILES}
    sealed = replace(manifest, files=hashes).sealed()
    (folder / MANIFEST).write_text(sealed.to_json(), encoding="utf-8")
    return load(folder)


def _replace(folder: Path, out: Path) -> None:
    """Swap folders by renames; a reader sees the old bundle, or none for an instant, or the new one."""
    folder.chmod(0o755)
    if not out.exists():
        folder.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent))
    out.rename(old / out.name)
    folder.rename(out)
    shutil.rmtree(old)
