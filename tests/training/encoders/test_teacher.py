"""A teacher's weights are proven by hash, distilled once, and a damaged cache heals itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from serving.decision.features.tokenizer import Tokenizer
from tests.support import tiny_models as tiny
from training.encoders import teacher
from training.encoders.teacher import MINILM_SHA256, Teacher, TeacherMissing, TeacherRefused, find_teacher, token_table

DIMS = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real sentence encoder of one layer, written as any other."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    place = tmp_path_factory.mktemp("teacher") / "tiny-bert"
    specials = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    place.mkdir()
    (place / "raw.json").write_text(tiny.tokenizer_json(), "utf-8")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(place / "raw.json"), model_max_length=32, **specials)
    (place / "raw.json").unlink()
    torch.manual_seed(0)
    size = len(json.loads(tiny.tokenizer_json())["model"]["vocab"])
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=size, max_position_embeddings=32, **shape)).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def cached(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the distilled teacher: distilled once for all tests."""
    cache = tmp_path_factory.mktemp("cache")
    token_table(find_teacher(str(folder)), DIMS, cache)
    return cache


def copied(source: Path, target: Path) -> Path:
    target.mkdir(parents=True)
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def stages() -> tuple[list[str], teacher.Progress]:
    seen: list[str] = []
    return seen, lambda stage, done, total: seen.append(stage)


def test_a_distilled_teacher_gives_one_vector_per_token(folder: Path, cached: Path) -> None:
    table = token_table(find_teacher(str(folder)), DIMS, cached)
    tokenizer = Tokenizer.from_json(table.tokenizer_json)
    assert table.vectors.shape == (tokenizer.vocabulary_size, DIMS)
    assert table.vectors.dtype == np.float32
    assert np.isfinite(table.vectors).all()
    assert len(np.unique(table.vectors.round(6), axis=0)) > 0.9 * len(table.vectors)
    spec = json.loads(table.tokenizer_json)
    assert spec["truncation"] is None
    assert spec["padding"] is None


def test_the_second_time_reads_the_cache_and_does_not_distil(
    folder: Path, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher, "_distil", lambda *_: pytest.fail("distilled again"))
    seen, progress = stages()
    # The cache goes by content: the same weights at another place are the same teacher.
    elsewhere = copied(folder, cached.parent / "elsewhere")
    tables = [token_table(find_teacher(str(place)), DIMS, cached, progress) for place in (folder, elsewhere)]
    assert np.array_equal(tables[0].vectors, tables[1].vectors)
    assert seen == []


def test_other_weights_tokens_or_columns_are_another_entry(
    folder: Path, cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distilled: list[int] = []

    def distil(_: Teacher, dims: int) -> teacher.TokenTable:
        distilled.append(dims)
        return teacher.TokenTable("{}", np.zeros((2, dims), np.float32))

    monkeypatch.setattr(teacher, "_distil", distil)
    weights, words = copied(folder, tmp_path / "weights"), copied(folder, tmp_path / "words")
    (weights / "model.safetensors").write_bytes(b"other" + (folder / "model.safetensors").read_bytes())
    (words / "tokenizer.json").write_text((folder / "tokenizer.json").read_text("utf-8") + "\n", "utf-8")
    token_table(find_teacher(str(weights)), DIMS, cached)
    token_table(find_teacher(str(words)), DIMS, cached)
    token_table(find_teacher(str(folder)), DIMS + 1, cached)
    assert distilled == [DIMS, DIMS, DIMS + 1]


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "another table"])
def test_a_damaged_cache_entry_is_built_anew(
    folder: Path, cached: Path, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = find_teacher(str(folder))
    right = token_table(source, DIMS, cached)
    cache = copied(cached, tmp_path / "cache")
    key = max(cache.iterdir(), key=lambda file: (file.stat().st_size, file.name))
    for other in cache.iterdir():  # what other tests left there plays no part
        if other != key:
            other.unlink()
    assert np.array_equal(token_table(source, DIMS, cache).vectors, right.vectors)
    whole = key.read_bytes()
    if damage == "another table":
        with key.open("wb") as file:
            np.savez(file, tokenizer=np.zeros(2, np.uint8), vectors=right.vectors + 1, digest=np.zeros(64, np.uint8))
    else:
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        key.write_bytes({"cut": whole[:middle], "flipped": flipped, "emptied": b""}[damage])
    built: list[int] = []

    def distil(_: Teacher, dims: int) -> teacher.TokenTable:
        built.append(dims)
        return right

    monkeypatch.setattr(teacher, "_distil", distil)
    assert np.array_equal(token_table(source, DIMS, cache).vectors, right.vectors)
    assert built == [DIMS]
    token_table(source, DIMS, cache)
    assert built == [DIMS]
    assert [file.name for file in cache.iterdir()] == [key.name]


def test_wrong_weights_are_refused_by_name(folder: Path) -> None:
    with pytest.raises(TeacherRefused, match=r"weights of tiny-bert have sha256 .* expected 000000000000"):
        find_teacher(str(folder), "0" * 64)
    right = find_teacher(str(folder))
    assert find_teacher(str(folder), right.sha256) == right


def test_the_built_in_teacher_is_always_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_teacher(None).sha256 == MINILM_SHA256
    monkeypatch.setattr(teacher, "_wheel_folder", lambda: folder)
    for name in (None, "minilm"):
        with pytest.raises(TeacherRefused, match="all-MiniLM-L6-v2"):
            find_teacher(name)


def test_what_is_no_teacher_names_the_cure(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = copied(folder, tmp_path / "bare")
    (bare / "model.safetensors").rename(bare / "pytorch_model.bin")
    with pytest.raises(TeacherRefused, match="only safetensors"):
        find_teacher(str(bare))
    wordless = copied(folder, tmp_path / "wordless")
    (wordless / "tokenizer.json").unlink()
    with pytest.raises(TeacherMissing, match=r"tokenizer\.json"):
        token_table(find_teacher(str(wordless)), DIMS, tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(TeacherMissing, match="neither a folder"):
        find_teacher("no-such/teacher-anywhere")


def test_a_table_with_gaps_is_refused(folder: Path, cached: Path) -> None:
    table = token_table(find_teacher(str(folder)), DIMS, cached)
    gaps = table.vectors.copy()
    gaps[3] = np.nan
    short = table.vectors[:-1]
    silent = np.zeros_like(table.vectors)
    for vectors in (gaps, short, silent):
        with pytest.raises(TeacherRefused, match="choose another teacher"):
            teacher._check(Teacher("t", folder, ""), teacher.TokenTable(table.tokenizer_json, vectors), DIMS)
