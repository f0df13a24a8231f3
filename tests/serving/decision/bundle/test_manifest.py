"""The manifest: whatever was changed in it is noticed, and what was written is read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.bundle.manifest import FILES, MANIFEST, ConsumptionSource, DataFingerprint, EncoderSpec, Manifest
from serving.decision.errors import BundleCorrupt, BundleTooNew
from serving.decision.features.model_inputs import EncoderLimits
from serving.decision.types import EFFORTS, Arm, Price, ReasoningSwitch, Usd


def test_every_flipped_byte_of_the_manifest_is_noticed(folder: Path) -> None:
    content = (folder / MANIFEST).read_bytes()
    for place in range(len(content)):
        for flip in (1, 0x20):
            changed = bytearray(content)
            changed[place] ^= flip
            try:
                text = changed.decode("utf-8")
            except UnicodeDecodeError:
                continue
            with pytest.raises((BundleCorrupt, BundleTooNew)) as refused:
                Manifest.from_json(text)
            assert MANIFEST in str(refused.value) or isinstance(refused.value, BundleTooNew)


@pytest.mark.parametrize("protocol", [0, -1, True, 1.0, "1", None])
def test_a_protocol_that_never_was_is_corrupt(folder: Path, protocol: object) -> None:
    facts = json.loads((folder / MANIFEST).read_text("utf-8")) | {"protocol": protocol}
    with pytest.raises(BundleCorrupt, match="protocol"):
        Manifest.from_json(json.dumps(facts))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda facts: facts.pop("arms"), "arms is missing"),
        (lambda facts: facts.update(extra=1), "extra is not a field"),
        (lambda facts: facts["files"].update({"../../etc/passwd": "0"}), "passwd is not a field"),
        (lambda facts: facts["files"].pop("model.onnx"), r"model.onnx is missing"),
        (lambda facts: facts["arms"][1].update(effort="enormous"), r"arms\[1\].effort must be one of none"),
        (lambda facts: facts["arms"].pop(), "arms must be two or more"),
        (lambda facts: facts["arms"][0].update(price={"input": "free"}), "price.input must be a number"),
        (lambda facts: facts["encoder"].update(max_tokens=-1), "encoder.max_tokens must be a whole number"),
        (lambda facts: facts["metrics"].update(auc=None), "metrics.auc must be a number"),
        (lambda facts: facts["features"].update(names="all"), "features.names must be a list of strings"),
        (lambda facts: facts.update(certificate=[]), "certificate must be an object"),
        (lambda facts: facts.update(tasks=["maths"]), "bundle_id"),
    ],
)
def test_a_changed_manifest_names_the_field(folder: Path, change: Callable[[object], object], named: str) -> None:
    facts = json.loads((folder / MANIFEST).read_text("utf-8"))
    change(facts)
    with pytest.raises(BundleCorrupt, match=named):
        Manifest.from_json(json.dumps(facts, indent=2, sort_keys=True) + "\n")


@pytest.mark.parametrize("text", ["", "[]", "null", '{"protocol": NaN}', "[" * 100_000, "{" + '"a":{' * 5000, "\x00"])
def test_what_is_no_manifest_at_all(text: str) -> None:
    with pytest.raises(BundleCorrupt, match=MANIFEST):
        Manifest.from_json(text)


names = st.text(min_size=1, max_size=12)
amounts = st.floats(0, 1e9, allow_nan=False)
switch_words = st.dictionaries(names, st.booleans() | st.integers() | amounts | names).map(
    lambda words: tuple(sorted(words.items()))
)
switch_states = [st.tuples(st.just(state), switch_words) for state in ("off", "on", "low")]
arms_drawn = st.builds(
    Arm,
    name=names,
    model=names,
    effort=st.sampled_from(EFFORTS),
    default_output_tokens=amounts,
    default_latency_ms=amounts,
    price=st.none() | st.builds(Price, amounts, amounts, st.none() | amounts),
    gpu_usd_per_second=st.none() | amounts.map(Usd),
    speaks=st.sampled_from(["", "vllm", "openrouter"]),
    reasoning=st.none() | st.builds(ReasoningSwitch, st.tuples(*switch_states)),
    stands_for=st.just("") | names,
    aliases=st.lists(names).map(tuple),
)


@settings(max_examples=50, deadline=None)
@given(
    arms=st.lists(arms_drawn, min_size=2, max_size=4, unique_by=lambda arm: arm.name),
    features=st.lists(names).map(tuple),
    facts=st.dictionaries(names, st.none() | st.booleans() | st.integers() | amounts | names | st.lists(names)),
    numbers=st.dictionaries(names, st.floats(allow_nan=False, allow_infinity=False)),
    user_words=st.booleans(),
    languages=st.none() | st.lists(names).map(tuple),
)
def test_manifest_comes_back_as_it_was(
    arms: list[Arm],
    features: tuple[str, ...],
    facts: dict[str, object],
    numbers: dict[str, float],
    user_words: bool,
    languages: tuple[str, ...] | None,
) -> None:
    manifest = Manifest(
        created="2025-05-05T00:00:00+00:00",
        thinkgate_version="0.1.0",
        arms=tuple(arms),
        features=features,
        encoder=EncoderSpec("transformer", "some/encoder", EncoderLimits(100, 20, True, user_words)),
        tasks=(),
        files=dict.fromkeys(FILES, "0" * 64),
        consumption=ConsumptionSource("history", "defaults"),
        data=DataFingerprint("d", 3, 2, None, "2025"),
        learner=facts,
        metrics=numbers,
        mlflow=facts or None,
        languages=languages if user_words else None,
        protocol=2 if user_words else 1,
    ).with_bundle_id()
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.with_bundle_id() == manifest


def test_an_arm_of_which_no_wiring_is_stated_is_written_as_before(folder: Path) -> None:
    arms = json.loads((folder / MANIFEST).read_text("utf-8"))["arms"]
    known = {"name", "model", "effort", "default_output_tokens", "default_latency_ms", "price", "gpu_usd_per_second"}
    assert all(arm.keys() == known for arm in arms)


@pytest.mark.parametrize("switch", [{}, {"on": {}}, {"off": {}, "on": {"a": None}}, {"off": {}, "on": {}, "x": {}}, 3])
def test_a_switch_that_nobody_wrote_is_corrupt(folder: Path, switch: object) -> None:
    raw = json.loads((folder / MANIFEST).read_text("utf-8"))
    raw["arms"][0]["reasoning"] = switch
    with pytest.raises(BundleCorrupt):
        Manifest.from_json(json.dumps(raw, indent=2, sort_keys=True) + "\n")


def test_the_identity_is_that_of_the_content(folder: Path) -> None:
    manifest = Manifest.from_json((folder / MANIFEST).read_text("utf-8"))
    assert manifest.with_bundle_id() == manifest
    other = replace(manifest, metrics={"m": 2.0})
    assert other.with_bundle_id().bundle_id not in ("", manifest.bundle_id)
    with pytest.raises(BundleCorrupt, match="does not match its bundle_id"):
        Manifest.from_json(other.to_json())


def test_any_other_layout_of_the_same_content_is_refused(folder: Path) -> None:
    text = (folder / MANIFEST).read_text("utf-8")
    with pytest.raises(BundleCorrupt, match="copy it again in full"):
        Manifest.from_json(json.dumps(json.loads(text)))
