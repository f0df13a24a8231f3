"""Bundle manifest: arms, features, encoder, file hashes and provenance; parsed strictly, written in one canonical form.

Long, because it lists every field twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, cast

from serving.decision.bundle.strict_json import FieldReader, parse_object
from serving.decision.errors import BundleCorrupt, BundleTooNew
from serving.decision.features import EncoderLimits
from serving.decision.types import EFFORTS, Arm, Effort, Price, ReasoningSwitch, SwitchWords, Usd

PROTOCOL: Final = 2
"""The newest bundle layout that this server reads. Protocol 1: trained on whole user turns, languages not recorded."""

MODEL: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
GOLDEN: Final = "golden.json"
MANIFEST: Final = "manifest.json"
FILES: Final = (GOLDEN, MODEL, TOKENIZER)
"""Files beside the manifest: the protocol fixes their names, so none can point outside the folder."""

Metadata = Mapping[str, object]
"""Free JSON for people and dashboards; no decision depends on it."""

Source = Literal["history", "defaults"]


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """Encoder of the bundle.

    Parameters
    ----------
    kind
        `static`: averaged token vectors; `transformer`: a whole sentence encoder.
    name
        Model or path that it was made from.
    limits
        How much of a request it encodes.
    """

    kind: Literal["static", "transformer"]
    name: str
    limits: EncoderLimits


@dataclass(frozen=True, slots=True)
class ConsumptionSource:
    """Whether predicted tokens and latencies were learnt from the history or are the arms' defaults."""

    tokens: Source
    latency: Source


@dataclass(frozen=True, slots=True)
class DataFingerprint:
    """Fingerprint of the training data; `start` and `end` are ISO times, None where rows have no time."""

    digest: str
    rows: int
    prompts: int
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Content of `manifest.json`.

    Parameters
    ----------
    arms
        K >= 2; the first is the baseline. The graph's outputs are in this order.
    features
        Names of the graph's feature columns.
    tasks
        Names of the task columns; empty where the history has no task labels.
    languages
        Languages of the training prompts (`serving.decision.features.languages`); None where they were not recorded.
    files
        sha256 hex of each of `FILES`.
    learner, calibration, certificate, metrics, mlflow
        Free metadata; the certificate and the MLflow run may be missing.
    bundle_id
        sha256 hex over the files' hashes and all fields above; `with_bundle_id` computes it.
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
    learner: Metadata = field(default_factory=dict)
    calibration: Metadata = field(default_factory=dict)
    certificate: Metadata | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    mlflow: Metadata | None = None
    languages: tuple[str, ...] | None = None
    protocol: int = PROTOCOL
    bundle_id: str = ""

    def with_bundle_id(self) -> Manifest:
        """Give the same manifest with the `bundle_id` of its content."""
        return replace(self, bundle_id=_content_hash(self._content()))

    def to_json(self) -> str:
        """Serialise in the canonical form, the only one that `from_json` accepts; needs `with_bundle_id` first."""
        return _canonical_json({**self._content(), "bundle_id": self.bundle_id})

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse a manifest; the inverse of `to_json`.

        Raises
        ------
        BundleTooNew
            For a later protocol.
        BundleCorrupt
            For any other text that `to_json` would not have written, byte for byte.
        """
        raw = parse_object(text, MANIFEST)
        protocol = FieldReader(raw, MANIFEST).integer("protocol")
        if protocol > PROTOCOL:
            raise BundleTooNew(
                f"protocol {protocol}; this server reads <= {PROTOCOL}: upgrade thinkgate on the server,"
                " or train the bundle again with the server's own version"
            )
        manifest = _read(raw)
        content = {name: value for name, value in raw.items() if name != "bundle_id"}
        if manifest.bundle_id != _content_hash(content) or text != _canonical_json(raw):
            raise BundleCorrupt(
                f"{MANIFEST}: its content does not match its bundle_id: it was changed after the export;"
                " export the bundle again, or copy it again in full"
            )
        return manifest

    def _content(self) -> dict[str, object]:
        encoder, later = self.encoder.limits, {} if self.protocol == 1 else {"languages": _listed(self.languages)}
        return {
            "protocol": self.protocol,
            "created": self.created,
            "thinkgate_version": self.thinkgate_version,
            "arms": [_arm_to_json(arm) for arm in self.arms],
            "features": {"names": list(self.features)},
            "encoder": {
                "kind": self.encoder.kind,
                "name": self.encoder.name,
                "max_chars": encoder.max_chars,
                "max_tokens": encoder.max_tokens,
                "special_tokens": encoder.special_tokens,
                **({} if self.protocol == 1 else {"user_words": encoder.user_words}),
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
            **later,
        }


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


def _arm_to_json(arm: Arm) -> dict[str, object]:
    """Give an arm as the manifest has it; how it is reached is left out where nothing is stated of it."""
    price, switch = arm.price, arm.reasoning
    wiring: dict[str, object] = {
        "speaks": arm.speaks,
        "reasoning": switch and {name: dict(words) for name, words in switch.states},
        "stands_for": arm.stands_for,
        "aliases": list(arm.aliases),
    }
    return {
        "name": arm.name,
        "model": arm.model,
        "effort": arm.effort,
        "default_output_tokens": arm.default_output_tokens,
        "default_latency_ms": arm.default_latency_ms,
        "price": price and {"input": price.input, "output": price.output, "cached_input": price.cached_input},
        "gpu_usd_per_second": arm.gpu_usd_per_second,
        **{name: value for name, value in wiring.items() if value},
    }


def _read(raw: dict[str, object]) -> Manifest:
    top = FieldReader(raw, MANIFEST)
    encoder, consumption, data = top.nested("encoder"), top.nested("consumption"), top.nested("data")
    features, files, metrics = top.nested("features"), top.nested("files"), top.nested("metrics")
    protocol = top.integer("protocol")
    manifest = Manifest(
        protocol=protocol,
        bundle_id=top.string("bundle_id"),
        created=top.string("created"),
        thinkgate_version=top.string("thinkgate_version"),
        arms=tuple(map(_read_arm, top.nested_list("arms"))),
        features=features.strings("names"),
        encoder=EncoderSpec(
            cast(Literal["static", "transformer"], encoder.choice("kind", ("static", "transformer"))),
            encoder.string("name"),
            EncoderLimits(
                encoder.integer("max_chars"),
                encoder.integer("max_tokens"),
                encoder.boolean("special_tokens"),
                protocol > 1 and encoder.boolean("user_words"),
            ),
        ),
        tasks=top.strings("tasks"),
        files={name: files.string(name) for name in FILES},
        learner=top.free_object("learner"),
        calibration=top.free_object("calibration"),
        certificate=top.optional("certificate", top.free_object),
        consumption=ConsumptionSource(
            cast(Source, consumption.choice("tokens", ("history", "defaults"))),
            cast(Source, consumption.choice("latency", ("history", "defaults"))),
        ),
        metrics={name: metrics.number(name) for name in tuple(metrics.values)},
        data=DataFingerprint(
            data.string("digest"),
            data.integer("rows"),
            data.integer("prompts"),
            data.optional("start", data.string),
            data.optional("end", data.string),
        ),
        mlflow=top.optional("mlflow", top.free_object),
        languages=top.optional("languages", top.strings) if protocol > 1 else None,
    )
    for fields in (top, encoder, consumption, data, features, files, metrics):
        fields.finish()
    if len(manifest.arms) < 2 or len({arm.name for arm in manifest.arms}) < len(manifest.arms):
        top.fail("arms", "must be two or more, each with a name of its own")
    if manifest.protocol < 1:
        top.fail("protocol", f"must be 1 to {PROTOCOL}")
    return manifest


def _read_arm(fields: FieldReader) -> Arm:
    arm = Arm(
        name=fields.string("name"),
        model=fields.string("model"),
        effort=cast(Effort, fields.choice("effort", EFFORTS)),
        default_output_tokens=fields.number("default_output_tokens"),
        default_latency_ms=fields.number("default_latency_ms"),
        price=fields.optional("price", lambda name: _read_price(fields.nested(name))),
        gpu_usd_per_second=fields.optional("gpu_usd_per_second", lambda name: Usd(fields.number(name))),
        speaks=fields.string("speaks") if "speaks" in fields.values else "",
        reasoning=_read_switch(fields.nested("reasoning")) if "reasoning" in fields.values else None,
        stands_for=fields.string("stands_for") if "stands_for" in fields.values else "",
        aliases=fields.strings("aliases") if "aliases" in fields.values else (),
    )
    fields.finish()
    return arm


def _read_switch(fields: FieldReader) -> ReasoningSwitch:
    """Read an arm's own switch; the states come in the order of the scale, whatever the file's."""
    states = []
    for name in ("off", "on", *EFFORTS[1:]):
        if name in fields.values:
            words = fields.free_object(name)
            if not all(isinstance(value, str | int | float | bool) for value in words.values()):
                fields.fail(name, "must hold strings, numbers, true or false")
            states.append((name, cast(SwitchWords, tuple(sorted(words.items())))))
    fields.finish()
    if [name for name, _ in states[:2]] != ["off", "on"]:
        fields.fail("off", "and on must both be there")
    return ReasoningSwitch(tuple(states))


def _read_price(fields: FieldReader) -> Price:
    price = Price(fields.number("input"), fields.number("output"), fields.optional("cached_input", fields.number))
    fields.finish()
    return price


def _content_hash(content: Mapping[str, object]) -> str:
    """Hash the manifest without its `bundle_id`; it contains the hash of every other file."""
    return hashlib.sha256(_canonical_json(content).encode("ascii")).hexdigest()


def _canonical_json(content: Mapping[str, object]) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"
