"""A bundle loads only if all of it is as it was exported, and then gives what its makers promised."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.bundle import golden
from serving.decision.bundle.loader import Bundle, load_bundle
from serving.decision.bundle.manifest import FILES, MANIFEST, ConsumptionSource, DataFingerprint, EncoderSpec, Manifest
from serving.decision.errors import (
    BundleCorrupt,
    BundleMissing,
    BundleRefused,
    BundleTooNew,
    BundleUnproven,
    ThinkgateError,
)
from serving.decision.features.complexity import FEATURE_NAMES
from serving.decision.features.model_inputs import EncoderLimits, encode_batch
from serving.decision.types import EFFORTS, Arm, Message, Price, Request, Usd
from tests.support import tiny_models as tiny
from training.encoders.design_matrix import design_rows
from training.export.bundle_writer import BundleLineage, export_bundle
from training.export.reference import predict

Forge = Callable[..., Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lineage = BundleLineage(
        DataFingerprint("d1", 300, 300, "2025-01-01", None), certificate={"epsilon": 0.02}, metrics={"m": 1}
    )
    out = tmp_path_factory.mktemp("bundles") / "bundle"
    return export_bundle(tiny.model(2), tiny.encoder(), tiny.ARMS[:2], out, lineage).path


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return load_bundle(folder)


@pytest.fixture
def forge(folder: Path, tmp_path: Path) -> Forge:
    """Change files or manifest fields of a copy and seal it anew, as its maker could: only the content is at fault."""

    def make(files: dict[str, bytes] | None = None, **changes: object) -> Path:
        made = tmp_path / "forged"
        shutil.copytree(folder, made)
        for name, content in (files or {}).items():
            (made / name).write_bytes(content)
        manifest = Manifest.from_json((made / MANIFEST).read_text("utf-8"))
        hashes = {name: hashlib.sha256((made / name).read_bytes()).hexdigest() for name in FILES}
        (made / MANIFEST).write_text(replace(manifest, files=hashes, **changes).sealed().to_json(), "utf-8")  # type: ignore[arg-type]  # fields by name
        return made

    return make


def test_gives_what_its_makers_promised(bundle: Bundle) -> None:
    asked = tiny.requests(20, seed=4)
    wanted = predict(tiny.model(2), design_rows(tiny.encoder(), asked))
    for place, request in enumerate(asked):
        got = bundle.predict_request(request)
        for name in ("success", "uplift", "uplift_lower", "uplift_upper", "output_tokens_p95", "task_probabilities"):
            np.testing.assert_allclose(getattr(got, name), getattr(wanted, name)[place], rtol=1e-5, atol=1e-5)
        assert got.support == pytest.approx(wanted.support[place], abs=1e-5)
        assert got.latency_mean_ms == pytest.approx((2000.0, 4000.0))
    assert bundle.arms == tiny.ARMS[:2]
    assert bundle.tasks == ("maths", "code", "chat")
    assert bundle.bundle_id == bundle.manifest.bundle_id


def test_a_batch_is_its_rows(bundle: Bundle) -> None:
    asked = tiny.requests(700, seed=9)  # more than one run holds
    batch = bundle.predict(encode_batch(asked, bundle.tokenizer, bundle.manifest.encoder.limits))
    assert len(batch) == len(asked)
    for place in range(0, len(asked), 37):
        golden.check_golden(place, bundle.predict_request(asked[place]), batch[place])
    assert bundle.predict_requests([]) == ()


def test_three_arms_without_tasks(tmp_path: Path) -> None:
    lineage = BundleLineage(DataFingerprint("d1", 300, 300))
    bundle = export_bundle(tiny.model(3, tasks=False), tiny.encoder(), tiny.ARMS, tmp_path / "b", lineage).bundle
    got = bundle.predict_request(tiny.request("what is the sum of 17 + 3 ?"))
    assert (len(got.success), len(got.uplift), len(got.latency_p95_ms), got.task_probabilities) == (3, 2, 3, ())


def test_threads_share_it(bundle: Bundle) -> None:
    asked = tiny.requests(40, seed=2)
    alone = [bundle.predict_request(request) for request in asked]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(bundle.predict_request, asked * 5)) == alone * 5


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


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from((*FILES, MANIFEST)), share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_flipped_byte_is_named(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, name: str, share: float, flip: int
) -> None:
    broken = tmp_path_factory.mktemp("flipped")
    for file in folder.iterdir():
        (broken / file.name).symlink_to(file)
    content = bytearray((folder / name).read_bytes())
    content[int(share * len(content))] ^= flip
    (broken / name).unlink()
    (broken / name).write_bytes(content)
    with pytest.raises((BundleCorrupt, BundleTooNew)) as refused:
        load_bundle(broken)
    assert name in str(refused.value) or isinstance(refused.value, BundleTooNew)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
@pytest.mark.parametrize("cut", [0, 1, -1])
def test_a_cut_or_grown_file_is_corrupt(folder: Path, tmp_path: Path, name: str, cut: int) -> None:
    broken = tmp_path / "cut"
    shutil.copytree(folder, broken)
    content = (folder / name).read_bytes()
    (broken / name).write_bytes({0: b"", 1: content[: len(content) // 2], -1: content + b"\n"}[cut])
    with pytest.raises(BundleCorrupt, match=name):
        load_bundle(broken)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_missing_file_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    partial = tmp_path / "partial"
    shutil.copytree(folder, partial)
    (partial / name).unlink()
    with pytest.raises(BundleMissing, match=f"{name} is not there"):
        load_bundle(partial)
    with pytest.raises(BundleMissing, match="nowhere"):
        load_bundle(tmp_path / "nowhere")
    with pytest.raises(BundleMissing):
        load_bundle(folder / MANIFEST)


def test_a_newer_protocol_names_both_and_the_cure(folder: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(folder, newer)
    facts = json.loads((folder / MANIFEST).read_text("utf-8"))
    (newer / MANIFEST).write_text(json.dumps({"protocol": 3, "shape": "unheard of", "files": facts["files"]}), "utf-8")
    with pytest.raises(BundleTooNew, match=r"protocol 3; this server reads <= 1: upgrade"):
        load_bundle(newer)


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
arms_drawn = st.builds(
    Arm,
    name=names,
    model=names,
    effort=st.sampled_from(EFFORTS),
    default_output_tokens=amounts,
    default_latency_ms=amounts,
    price=st.none() | st.builds(Price, amounts, amounts, st.none() | amounts),
    gpu_usd_per_second=st.none() | amounts.map(Usd),
)


@settings(max_examples=50, deadline=None)
@given(
    arms=st.lists(arms_drawn, min_size=2, max_size=4, unique_by=lambda arm: arm.name),
    features=st.lists(names).map(tuple),
    facts=st.dictionaries(names, st.none() | st.booleans() | st.integers() | amounts | names | st.lists(names)),
    numbers=st.dictionaries(names, st.floats(allow_nan=False, allow_infinity=False)),
)
def test_manifest_comes_back_as_it_was(
    arms: list[Arm], features: tuple[str, ...], facts: dict[str, object], numbers: dict[str, float]
) -> None:
    manifest = Manifest(
        created="2025-05-05T00:00:00+00:00",
        thinkgate_version="0.1.0",
        arms=tuple(arms),
        features=features,
        encoder=EncoderSpec("transformer", "some/encoder", EncoderLimits(100, 20, True)),
        tasks=(),
        files=dict.fromkeys(FILES, "0" * 64),
        consumption=ConsumptionSource("history", "defaults"),
        data=DataFingerprint("d", 3, 2, None, "2025"),
        learner=facts,
        metrics=numbers,
        mlflow=facts or None,
    ).sealed()
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.sealed() == manifest


def test_what_is_no_graph_is_corrupt_and_never_unpickled(
    forge: Forge, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path.touch, (tmp_path / "ran",))

    with pytest.raises(BundleCorrupt, match=r"model\.onnx: not an ONNX graph"):
        load_bundle(forge({"model.onnx": pickle.dumps(Payload())}))
    assert not (tmp_path / "ran").exists()
    assert capfd.readouterr() == ("", "")


def test_a_graph_may_not_read_other_files(folder: Path, forge: Forge) -> None:
    """Weights outside of the audited file would be trusted unseen."""
    graph = onnx.load(str(folder / "model.onnx"))
    tensor = max(graph.graph.initializer, key=lambda one: len(one.raw_data))
    content = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    tensor.external_data.add(key="length", value=str(len(content)))
    forged = forge({"model.onnx": graph.SerializeToString(), "weights.bin": content})
    with pytest.raises(BundleCorrupt, match=r"model\.onnx"):
        load_bundle(forged)


def test_a_graph_that_does_not_fit_the_manifest(forge: Forge) -> None:
    with pytest.raises(BundleCorrupt, match="arms and tasks"):
        load_bundle(forge(arms=tiny.ARMS))


def test_a_graph_with_other_inputs(forge: Forge, folder: Path) -> None:
    graph = onnx.load(str(folder / "model.onnx"))
    graph.graph.input[2].type.tensor_type.shape.dim[1].dim_value += 1
    with pytest.raises(BundleCorrupt):
        load_bundle(forge({"model.onnx": graph.SerializeToString()}))


@pytest.mark.parametrize("content", [b"{}", b"[]", b"\xff\xfe", b'{"version": "1.0", "model": {"type": "Pickle"}}'])
def test_what_is_no_tokenizer(forge: Forge, content: bytes) -> None:
    with pytest.raises(BundleCorrupt, match=r"tokenizer\.json"):
        load_bundle(forge({"tokenizer.json": content}))


def test_another_tokenizer_does_not_prove(forge: Forge) -> None:
    facts = json.loads(tiny.tokenizer_json())
    vocabulary = facts["model"]["vocab"]
    vocabulary["what"], vocabulary["a"] = vocabulary["a"], vocabulary["what"]
    with pytest.raises(BundleUnproven, match=r"golden vector \d+: \w+\[0\] is .*, must be "):
        load_bundle(forge({"tokenizer.json": json.dumps(facts).encode()}))


def test_other_features_are_refused_with_the_cure(forge: Forge) -> None:
    with pytest.raises(BundleRefused, match=r"other features .*\(telepathy\): train it again") as refused:
        load_bundle(forge(features=(*FEATURE_NAMES, "telepathy")))
    assert type(refused.value) is BundleRefused


def test_reordered_features_are_refused(forge: Forge) -> None:
    with pytest.raises(BundleRefused, match="their order"):
        load_bundle(forge(features=FEATURE_NAMES[::-1]))


def test_golden_vectors_must_come_out(folder: Path, forge: Forge) -> None:
    facts = json.loads((folder / "golden.json").read_text("utf-8"))
    facts["vectors"][3]["prediction"]["uplift"][0] += 2e-4
    secret = facts["vectors"][3]["messages"][0]["text"]
    with pytest.raises(BundleUnproven, match=r"golden vector 3: uplift\[0\]") as refused:
        load_bundle(forge({"golden.json": json.dumps(facts).encode()}))
    assert secret not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda facts: facts["vectors"].clear(), "one vector at least"),
        (lambda facts: facts["vectors"][0].update(tools=-1), r"vectors\[0\].tools"),
        (lambda facts: facts["vectors"][0]["messages"][0].update(role="ghost"), r"messages\[0\].role"),
        (lambda facts: facts["vectors"][1]["prediction"].pop("support"), "support is missing"),
        (lambda facts: facts["vectors"][1]["prediction"].update(success=["high"]), "success must be a list of numbers"),
    ],
)
def test_broken_golden_vectors_are_corrupt(
    folder: Path, forge: Forge, change: Callable[[object], object], named: str
) -> None:
    facts = json.loads((folder / "golden.json").read_text("utf-8"))
    change(facts)
    with pytest.raises(BundleCorrupt, match=named):
        load_bundle(forge({"golden.json": json.dumps(facts).encode()}))


def test_golden_vectors_of_another_length_do_not_prove(folder: Path, forge: Forge) -> None:
    facts = json.loads((folder / "golden.json").read_text("utf-8"))
    facts["vectors"][0]["prediction"]["task_probabilities"] = []
    with pytest.raises(BundleUnproven, match="task_probabilities has 3 numbers, not 0"):
        load_bundle(forge({"golden.json": json.dumps(facts).encode()}))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=())), min_size=1, max_size=4))
def test_any_text_survives_in_golden_vectors(bundle: Bundle, texts: list[str]) -> None:
    request = Request(tuple(Message("user", text) for text in texts), tools=3)
    vector = golden.GoldenVector(request, bundle.predict_request(request))
    assert golden.golden_from_json(golden.golden_to_json([vector])) == (vector,)


def test_all_refusals_hang_in_one_tree() -> None:
    for kind in (BundleMissing, BundleCorrupt, BundleTooNew, BundleUnproven):
        assert issubclass(kind, BundleRefused)
        assert issubclass(kind, ThinkgateError)
