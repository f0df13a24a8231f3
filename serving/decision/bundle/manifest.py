"""The manifest: what a bundle says about itself, read strictly and written in exactly one way.

Long, because it lists every field twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, cast

from serving.decision.bundle.strict_json import Fields, parse_object
from serving.decision.errors import BundleCorrupt, BundleTooNew
from serving.decision.features.model_inputs import EncoderLimits
from serving.decision.types import EFFORTS, Arm, Effort, Price, Usd

PROTOCOL: Final = 1
"""The newest bundle layout that this server reads."""

MODEL: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
GOLDEN: Final = "golden.json"
MANIFEST: Final = "manifest.json"
FILES: Final = (GOLDEN, MODEL, TOKENIZER)
"""What lies beside the manifest: names are fixed by the protocol, so none can point out of the folder."""

Facts = Mapping[str, object]
"""Free JSON that people and dashboards read, and no decision rests on."""

Source = Literal["history", "defaults"]


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """How text becomes arrays.

    Parameters
    ----------
    kind
        `static`: averaged token vectors; `transformer`: a whole sentence encoder.
    name
        Where it came from.
    limits
        How much of a request it reads.
    """

    kind: Literal["static", "transformer"]
    name: str
    limits: EncoderLimits


@dataclass(frozen=True, slots=True)
class ConsumptionSource:
    """Whether tokens and latencies were learnt from the history or are the arms' defaults."""

    tokens: Source
    latency: Source


@dataclass(frozen=True, slots=True)
class DataFingerprint:
    """What the model was trained on; `start` and `end` are ISO times, None where rows carry no time."""

    digest: str
    rows: int
    prompts: int
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says about itself.

    Parameters
    ----------
    arms
        K >= 2; the first is the baseline. The graph's outputs are in this order.
    features
        Names of the graph's feature columns.
    tasks
        Names of the task columns; empty where the history has no task labels.
    files
        sha256 hex of each of `FILES`.
    learner, calibration, certificate, metrics, mlflow
        Free facts; the certificate and the MLflow run may be missing.
    bundle_id
        sha256 hex over the files' hashes and everything above; `sealed` computes it.
    """

    created: str
    thinkgate_version: str
    arms: tuple[Arm, ...]
    features: tuple[str, ...]
    encoder: EncoderSpec
    tasks: tuple[str, ...]
    files: Mapping[str, str]
    consumption: ConsumptionSource
    data: DataFingerprint
    learner: Facts = field(default_factory=dict)
    calibration: Facts = field(default_factory=dict)
    certificate: Facts | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    mlflow: Facts | None = None
    protocol: int = PROTOCOL
    bundle_id: str = ""

    def sealed(self) -> Manifest:
        """Give the same manifest with the `bundle_id` that its content has."""
        return replace(self, bundle_id=_identity(self._facts()))

    def to_json(self) -> str:
        """Write a sealed manifest in the one form that `from_json` takes."""
        return _render({**self._facts(), "bundle_id": self.bundle_id})

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest; the inverse of `to_json`.

        Raises
        ------
        BundleTooNew
            For a later protocol.
        BundleCorrupt
            For anything else that `to_json` would not have written, down to the last byte.
        """
        raw = parse_object(text, MANIFEST)
        protocol = Fields(raw, MANIFEST).whole("protocol")
        if protocol > PROTOCOL:
            raise BundleTooNew(
                f"protocol {protocol}; this server reads <= {PROTOCOL}: upgrade thinkgate on the server,"
                " or train the bundle again with the server's own version"
            )
        manifest = _read(raw)
        facts = {name: value for name, value in raw.items() if name != "bundle_id"}
        if manifest.bundle_id != _identity(facts) or text != _render(raw):
            raise BundleCorrupt(
                f"{MANIFEST}: its content does not match its bundle_id: it was changed after the export;"
                " export the bundle again, or copy it again in full"
            )
        return manifest

    def _facts(self) -> dict[str, object]:
        return {
            "protocol": self.protocol,
            "created": self.created,
            "thinkgate_version": self.thinkgate_version,
            "arms": [arm_facts(arm) for arm in self.arms],
            "features": {"names": list(self.features)},
            "encoder": {
                "kind": self.encoder.kind,
                "name": self.encoder.name,
                "max_chars": self.encoder.limits.max_chars,
                "max_tokens": self.encoder.limits.max_tokens,
                "special_tokens": self.encoder.limits.special_tokens,
            },
            "tasks": list(self.tasks),
            "files": dict(self.files),
            "learner": dict(self.learner),
            "calibration": dict(self.calibration),
            "certificate": None if self.certificate is None else dict(self.certificate),
            "consumption": {"tokens": self.consumption.tokens, "latency": self.consumption.latency},
            "metrics": dict(self.metrics),
            "data": {name: getattr(self.data, name) for name in ("digest", "rows", "prompts", "start", "end")},
            "mlflow": None if self.mlflow is None else dict(self.mlflow),
        }


def arm_facts(arm: Arm) -> dict[str, object]:
    """Give an arm as the manifest writes it."""
    price = arm.price
    return {
        "name": arm.name,
        "model": arm.model,
        "effort": arm.effort,
        "default_output_tokens": arm.default_output_tokens,
        "default_latency_ms": arm.default_latency_ms,
        "price": price and {"input": price.input, "output": price.output, "cached_input": price.cached_input},
        "gpu_usd_per_second": arm.gpu_usd_per_second,
    }


def _read(raw: dict[str, object]) -> Manifest:
    top = Fields(raw, MANIFEST)
    encoder, consumption, data = top.fields("encoder"), top.fields("consumption"), top.fields("data")
    features, files, metrics = top.fields("features"), top.fields("files"), top.fields("metrics")
    manifest = Manifest(
        protocol=top.whole("protocol"),
        bundle_id=top.text("bundle_id"),
        created=top.text("created"),
        thinkgate_version=top.text("thinkgate_version"),
        arms=tuple(map(_read_arm, top.many("arms"))),
        features=features.texts("names"),
        encoder=EncoderSpec(
            cast(Literal["static", "transformer"], encoder.one_of("kind", ("static", "transformer"))),
            encoder.text("name"),
            EncoderLimits(encoder.whole("max_chars"), encoder.whole("max_tokens"), encoder.flag("special_tokens")),
        ),
        tasks=top.texts("tasks"),
        files={name: files.text(name) for name in FILES},
        learner=top.facts("learner"),
        calibration=top.facts("calibration"),
        certificate=top.optional("certificate", top.facts),
        consumption=ConsumptionSource(
            cast(Source, consumption.one_of("tokens", ("history", "defaults"))),
            cast(Source, consumption.one_of("latency", ("history", "defaults"))),
        ),
        metrics={name: metrics.number(name) for name in tuple(metrics.values)},
        data=DataFingerprint(
            data.text("digest"),
            data.whole("rows"),
            data.whole("prompts"),
            data.optional("start", data.text),
            data.optional("end", data.text),
        ),
        mlflow=top.optional("mlflow", top.facts),
    )
    for fields in (top, encoder, consumption, data, features, files, metrics):
        fields.done()
    if len(manifest.arms) < 2 or len({arm.name for arm in manifest.arms}) < len(manifest.arms):
        top.refuse("arms", "must be two or more, each with a name of its own")
    if manifest.protocol < 1:
        top.refuse("protocol", f"must be 1 to {PROTOCOL}")
    return manifest


def _read_arm(fields: Fields) -> Arm:
    arm = Arm(
        name=fields.text("name"),
        model=fields.text("model"),
        effort=cast(Effort, fields.one_of("effort", EFFORTS)),
        default_output_tokens=fields.number("default_output_tokens"),
        default_latency_ms=fields.number("default_latency_ms"),
        price=fields.optional("price", lambda name: _read_price(fields.fields(name))),
        gpu_usd_per_second=fields.optional("gpu_usd_per_second", lambda name: Usd(fields.number(name))),
    )
    fields.done()
    return arm


def _read_price(fields: Fields) -> Price:
    price = Price(fields.number("input"), fields.number("output"), fields.optional("cached_input", fields.number))
    fields.done()
    return price


def _identity(facts: Mapping[str, object]) -> str:
    """Hash the manifest without its `bundle_id`, which holds the hash of every other file."""
    return hashlib.sha256(_render(facts).encode("ascii")).hexdigest()


def _render(facts: Mapping[str, object]) -> str:
    return json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"
