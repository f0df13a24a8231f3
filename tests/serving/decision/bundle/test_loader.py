"""A bundle loads only if every file is as it was exported, and then predicts what training did."""

from __future__ import annotations

import json
import pickle
import shutil
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
from serving.decision.bundle.manifest import FILES, MANIFEST, DataFingerprint
from serving.decision.errors import (
    BundleCorrupt,
    BundleMissing,
    BundleRefused,
    BundleTooNew,
    BundleUnproven,
    ThinkgateError,
)
from serving.decision.features.complexity import FEATURE_NAMES
from serving.decision.features.model_inputs import encode_batch
from tests.support import tiny_models as tiny
from tests.support.bundles import Forge
from training.encoders.design_matrix import design_rows
from training.export.bundle_writer import BundleLineage, export_bundle
from training.export.reference import predict


def test_predicts_what_the_trained_model_predicts(bundle: Bundle) -> None:
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


def test_a_language_that_no_training_prompt_is_written_in_has_less_support(tmp_path: Path) -> None:
    german, english = (tiny.request(text) for text in ("Wie ist das und was kann ich?", "what is the and how is it"))
    plain = Path(tmp_path / "plain")
    knowing = Path(tmp_path / "knowing")
    for out, languages in ((plain, None), (knowing, ("en",))):
        lineage = BundleLineage(DataFingerprint("d", 3, 2), languages=languages)
        export_bundle(tiny.model(2), tiny.encoder(), tiny.ARMS[:2], out, lineage)
    before, after = (load_bundle(path) for path in (plain, knowing))
    assert (before.manifest.languages, after.manifest.languages) == (None, ("en",))
    for request, factor in ((german, 0.25), (english, 1.0), (tiny.request("42"), 1.0)):
        was, found = before.predict_request(request), after.predict_request(request)
        assert was.support > 0
        assert found.support == pytest.approx(factor * was.support)
        assert (found.success, found.uplift) == (was.success, was.uplift)
        golden.check_golden(0, found, after.predict_requests([request, english])[0])


def test_a_bundle_of_protocol_1_reads_whole_turns(forge: Forge, bundle: Bundle) -> None:
    limits = replace(bundle.manifest.encoder.limits, user_words=False)
    encoder = replace(bundle.manifest.encoder, limits=limits)
    older = load_bundle(forge(protocol=1, encoder=encoder))
    assert older.manifest.protocol == 1
    assert '"user_words"' not in older.manifest.to_json()
    asked, bare = tiny.request("<env>the the the</env> what is"), tiny.request("what is")
    assert older.predict_request(bare) == bundle.predict_request(bare) == bundle.predict_request(asked)
    assert older.predict_request(asked) != older.predict_request(bare)
    assert older.predict_requests([asked, bare])[0].support == pytest.approx(older.predict_request(asked).support)


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
    with pytest.raises(BundleTooNew, match=r"protocol 3; this server reads <= 2: upgrade"):
        load_bundle(newer)


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


def test_another_tokenizer_fails_the_golden_vectors(forge: Forge) -> None:
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


def test_golden_vectors_must_be_reproduced(folder: Path, forge: Forge) -> None:
    facts = json.loads((folder / "golden.json").read_text("utf-8"))
    facts["vectors"][3]["prediction"]["uplift"][0] += 2e-4
    secret = facts["vectors"][3]["messages"][0]["text"]
    with pytest.raises(BundleUnproven, match=r"golden vector 3: uplift\[0\]") as refused:
        load_bundle(forge({"golden.json": json.dumps(facts).encode()}))
    assert secret not in str(refused.value)


def test_golden_vectors_of_another_length_are_refused(folder: Path, forge: Forge) -> None:
    facts = json.loads((folder / "golden.json").read_text("utf-8"))
    facts["vectors"][0]["prediction"]["task_probabilities"] = []
    with pytest.raises(BundleUnproven, match="task_probabilities has 3 numbers, not 0"):
        load_bundle(forge({"golden.json": json.dumps(facts).encode()}))


def test_all_refusals_share_one_base() -> None:
    for kind in (BundleMissing, BundleCorrupt, BundleTooNew, BundleUnproven):
        assert issubclass(kind, BundleRefused)
        assert issubclass(kind, ThinkgateError)
