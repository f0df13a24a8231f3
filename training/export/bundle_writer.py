"""Writes the bundle that the kernel accepts: graph, tokenizer, golden vectors, manifest; proven, then put in place."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from serving.decision import Arm, BadInput, Request
from serving.decision.bundle import (
    FILES,
    GOLDEN,
    MANIFEST,
    MODEL,
    TOKENIZER,
    Bundle,
    ConsumptionSource,
    DataFingerprint,
    EncoderSpec,
    GoldenVector,
    Manifest,
    Metadata,
    Source,
    golden_to_json,
    load_bundle,
    open_session,
)
from serving.decision.features import FEATURE_NAMES, Tokenizer
from training.encoders import Encoder, StaticEncoder, design_rows
from training.export import parity as proof
from training.export.graph import build_graph
from training.export.parity import GOLDEN_REQUESTS, stable_rows
from training.models import FittedModel, QuantityHead


class DestinationTaken(BadInput):
    """The place for the bundle holds something else, which is not overwritten."""


@dataclass(frozen=True, slots=True)
class BundleLineage:
    """What the manifest says of where the model comes from and how good it is.

    Parameters
    ----------
    languages
        Of the training prompts; support is lower in any other. None: not recorded.
    """

    data: DataFingerprint
    learner: Metadata = field(default_factory=dict)
    calibration: Metadata = field(default_factory=dict)
    certificate: Metadata | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    mlflow: Metadata | None = None
    languages: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ExportedBundle:
    """A bundle in place, and how far its graph is from the reference at most.

    Parameters
    ----------
    difference, embedding_difference, compared
        See `training.export.parity.Parity`.
    """

    path: Path
    bundle: Bundle
    difference: float
    embedding_difference: float
    compared: int


def export_bundle(
    model: FittedModel,
    encoder: Encoder,
    arms: Sequence[Arm],
    out: Path,
    lineage: BundleLineage,
    *,
    compare: Sequence[Request] = (),
    now: datetime | None = None,
) -> ExportedBundle:
    """Write a bundle, prove it, then put it in place; a bundle that was there is replaced as a whole.

    Parameters
    ----------
    arms
        K of them, as the model was fitted.
    out
        The bundle's folder.
    compare
        Requests on which graph and reference are compared, beside the golden ones.

    Raises
    ------
    OutTaken
        `out` holds something that is no bundle.
    ParityBroken
        The graph differs from the reference; nothing was written.
    BundleRefused
        What was written does not load; nothing was put in place.
    """
    check_destination(out)
    graph = build_graph(model, encoder, len(FEATURE_NAMES))
    parity = proof.check_parity(graph, model, encoder, (*GOLDEN_REQUESTS, *compare))
    contents = {MODEL: graph.SerializeToString(), TOKENIZER: encoder.tokenizer_json.encode("utf-8")}
    manifest = _manifest(model, encoder, arms, lineage, now or datetime.now(UTC))
    contents[GOLDEN] = _golden(model, encoder, manifest, contents[MODEL]).encode("utf-8")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        bundle = _write(folder, contents, manifest)
        _replace(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return ExportedBundle(out, bundle, parity.difference, parity.embedding_difference, parity.compared)


def check_destination(out: Path) -> None:
    """Refuse to replace anything but a bundle or an empty folder; cheap, so ask before a long training.

    Raises
    ------
    OutTaken
        `out` is a file, or a folder that holds other files than a bundle has.
    """
    if not out.exists():
        return
    if not out.is_dir() or {entry.name for entry in out.iterdir()} - {MANIFEST, *FILES}:
        raise DestinationTaken(f"{out} is there and is no bundle, so it is not replaced: name a new folder")


def _golden(model: FittedModel, encoder: Encoder, manifest: Manifest, graph: bytes) -> str:
    requests = GOLDEN_REQUESTS
    if not isinstance(encoder, StaticEncoder):  # a static embedding is exact everywhere
        held = stable_rows(model, design_rows(encoder, requests), 2 * encoder.dims, np.random.default_rng(0))
        requests = tuple(request for request, holds in zip(requests, held, strict=True) if holds)
    draft = Bundle(manifest, Tokenizer.from_json(encoder.tokenizer_json), open_session(graph, Path("no-folder")))
    return golden_to_json([GoldenVector(request, draft.predict_request(request)) for request in requests])


def _manifest(
    model: FittedModel, encoder: Encoder, arms: Sequence[Arm], lineage: BundleLineage, now: datetime
) -> Manifest:
    return Manifest(
        created=now.isoformat(timespec="seconds"),
        thinkgate_version=version("thinkgate"),
        arms=tuple(arms),
        features=FEATURE_NAMES,
        encoder=EncoderSpec(
            "static" if isinstance(encoder, StaticEncoder) else "transformer", encoder.name, encoder.limits
        ),
        tasks=model.tasks.names if model.tasks else (),
        files={},
        consumption=ConsumptionSource(_source(model.output_tokens), _source(model.latency_ms)),
        data=lineage.data,
        learner={**model.notes, **lineage.learner},
        calibration=lineage.calibration,
        certificate=lineage.certificate,
        metrics=lineage.metrics,
        mlflow=lineage.mlflow,
        languages=lineage.languages,
    )


def _source(heads: Sequence[QuantityHead]) -> Source:
    return "history" if all(head.source == "history" for head in heads) else "defaults"


def _write(folder: Path, contents: Mapping[str, bytes], manifest: Manifest) -> Bundle:
    """Write all files and load them as the server would."""
    for name in FILES:
        (folder / name).write_bytes(contents[name])
    hashes = {name: hashlib.sha256(contents[name]).hexdigest() for name in FILES}
    manifest = replace(manifest, files=hashes).with_bundle_id()
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return load_bundle(folder)


def _replace(folder: Path, out: Path) -> None:
    """Swap folders by renames; a reader sees the old bundle, or none for an instant, or the new one."""
    folder.chmod(0o755)
    if not out.exists():
        folder.rename(out)
        return
    grave = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent))
    try:
        out.rename(grave / out.name)
        try:
            folder.rename(out)
        except OSError:
            (grave / out.name).rename(out)
            raise
    finally:
        shutil.rmtree(grave, ignore_errors=True)
