"""Teachers are proved by hash and distilled once; tables, design rows and the exported transformer are what they say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from serving.decision.conversation import from_prompt
from serving.decision.features import FEATURE_NAMES, extract
from serving.decision.inputs import Limits
from serving.decision.types import Message, Request
from training import teacher as teachers
from training.encoder import BATCH, EncoderSettings, StaticEncoder, build_static, design
from training.teacher import MINILM_SHA256, Teacher, TeacherMissing, TeacherRefused, find_teacher, token_table
from training.transformer import build_transformer

WORDS = [
    "what",
    "is",
    "the",
    "sum",
    "of",
    "a",
    "list",
    "prove",
    "why",
    "plan",
    "three",
    "steps",
    "code",
    "17",
    "+",
    "?",
]
SETTINGS = EncoderSettings(semantic_dims=8, lexical_dims=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT of 16 columns with random weights, on disk as sentence-transformers keeps them."""
    from transformers import BertConfig, BertModel, BertTokenizerFast, set_seed

    set_seed(0)
    out = tmp_path_factory.mktemp("teacher")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *(f"##{letter}" for letter in "abcdes")]
    (out / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    shape = {"num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64}
    config = BertConfig(vocab_size=len(vocabulary), hidden_size=16, intermediate_size=32, **shape)
    BertModel(config).save_pretrained(out)
    BertTokenizerFast(vocab_file=str(out / "vocab.txt")).save_pretrained(out)
    return out


@pytest.fixture(scope="module")
def corpus() -> list[Request]:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, size=int(rng.integers(3, 12)))) for _ in range(BATCH + 40)]
    return [Request(from_prompt(text)) for text in texts]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def encoder(folder: Path, corpus: list[Request], cache: Path) -> StaticEncoder:
    return build_static(str(folder), corpus, cache, settings=SETTINGS)


def test_the_second_build_does_not_distil_again(
    encoder: StaticEncoder, folder: Path, corpus: list[Request], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("distilled again")

    monkeypatch.setattr(teachers, "_distil", refuse)
    again = build_static(str(folder), corpus, cache, settings=SETTINGS)
    assert again.digest == encoder.digest
    assert np.array_equal(again.table, encoder.table)
    with pytest.raises(AssertionError, match="distilled again"):
        token_table(find_teacher(str(folder)), SETTINGS.semantic_dims + 1, cache)


def test_a_damaged_cache_is_distilled_anew(
    encoder: StaticEncoder, folder: Path, corpus: list[Request], cache: Path, tmp_path: Path
) -> None:
    for file in cache.glob("tokens-*.npz"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / file.name).write_bytes(content)
    assert list(tmp_path.iterdir())
    assert build_static(str(folder), corpus, tmp_path, settings=SETTINGS).digest == encoder.digest


def test_other_weights_than_promised_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    promised = find_teacher(str(copy)).sha256
    assert find_teacher(str(copy), promised).sha256 == promised
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(TeacherRefused, match="reinstall"):
        find_teacher(str(copy), promised)


def test_the_built_in_teacher_is_the_upstream_file() -> None:
    assert find_teacher(None).sha256 == MINILM_SHA256
    with pytest.raises(TeacherRefused, match="sha256"):
        find_teacher(None, "0" * 64)


def test_pickled_weights_are_not_loaded(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "config.json", tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.raises(TeacherRefused, match="safetensors"):
        find_teacher(str(tmp_path))


def test_a_teacher_that_is_nowhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(TeacherMissing, match="no-such/teacher"):
        find_teacher("no-such/teacher")


def test_a_table_that_is_not_one_vector_per_token_is_refused(encoder: StaticEncoder, folder: Path) -> None:
    broken = teachers.TokenTable(encoder.tokenizer_json, encoder.table[:-1, :8])
    with pytest.raises(TeacherRefused, match="another teacher"):
        teachers._check(Teacher("tiny", folder, "0"), broken, 8)


def test_design_rows_average_token_vectors_and_end_with_the_features(encoder: StaticEncoder) -> None:
    words = json.loads(encoder.tokenizer_json)["model"]["vocab"]
    request = Request((Message("system", "plan steps"), Message("user", "what is the sum")))
    row = design(encoder, [request])[0]
    last = np.mean([encoder.table[words[word]] for word in ("what", "is", "the", "sum")], axis=0)
    rest = np.mean([encoder.table[words[word]] for word in ("plan", "steps")], axis=0)
    assert len(row) == 2 * encoder.dims + len(FEATURE_NAMES)
    np.testing.assert_allclose(row[: encoder.dims], last, atol=1e-6)
    np.testing.assert_allclose(row[encoder.dims : 2 * encoder.dims], rest, atol=1e-6)
    assert np.array_equal(row[2 * encoder.dims :], extract(request))


def test_a_row_is_the_same_alone_and_in_a_batch(encoder: StaticEncoder, corpus: list[Request]) -> None:
    together = design(encoder, corpus)
    alone = np.concatenate([design(encoder, [request]) for request in corpus[: BATCH + 3 : 37]])
    assert np.array_equal(together[: BATCH + 3 : 37], alone)


def test_the_lexical_table_parts_texts_that_share_no_words(folder: Path, cache: Path) -> None:
    kinds = (["prove", "why", "plan"], ["sum", "list", "17"])
    rng = np.random.default_rng(1)
    corpus = [Request(from_prompt(" ".join(rng.choice(kinds[row % 2], size=6)))) for row in range(200)]
    encoder = build_static(str(folder), corpus, cache, settings=SETTINGS)
    lexical = design(encoder, corpus)[:, SETTINGS.semantic_dims : encoder.dims]
    lexical /= np.linalg.norm(lexical, axis=1, keepdims=True)
    alike = lexical @ lexical.T
    same = np.arange(200)[:, None] % 2 == np.arange(200) % 2
    assert alike[same].mean() > 0.7
    assert np.abs(alike[~same]).mean() < 0.1


def test_a_corpus_too_small_for_words_gives_an_empty_lexical_table(folder: Path, cache: Path) -> None:
    encoder = build_static(str(folder), [Request(from_prompt("what is the sum"))], cache, settings=SETTINGS)
    assert not encoder.table[:, SETTINGS.semantic_dims :].any()


def test_progress_is_told_to_the_end(encoder: StaticEncoder, corpus: list[Request]) -> None:
    told: list[tuple[str, int, int]] = []
    design(encoder, corpus, lambda *step: told.append(step))
    assert told[0] == ("encode", 0, len(corpus))
    assert told[-1] == ("encode", len(corpus), len(corpus))


def test_the_exported_transformer_embeds_like_the_teacher(folder: Path, cache: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    encoder = build_transformer(str(folder), cache, limits=Limits(400, 48, special_tokens=True))
    requests = [
        Request(from_prompt("what is the sum of a list ?")),
        Request((Message("system", "plan three steps"), Message("user", "prove why"))),
    ]
    rows = design(encoder, requests)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    texts = ("what is the sum of a list ?", "prove why", "plan three steps")
    wanted = []
    for text in texts:
        with torch.inference_mode():
            mean = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0).numpy()
        wanted.append(mean / np.linalg.norm(mean))
    np.testing.assert_allclose(rows[0, :16], wanted[0], atol=1e-4)
    np.testing.assert_allclose(rows[1, :16], wanted[1], atol=1e-4)
    np.testing.assert_allclose(rows[1, 16:32], wanted[2], atol=1e-4)
    assert not rows[0, 16:32].any()
    assert build_transformer(str(folder), cache, limits=encoder.limits).digest == encoder.digest
