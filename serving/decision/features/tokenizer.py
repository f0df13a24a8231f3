"""WordPiece tokenizer with a word cache: the ids of the Rust tokenizer, several times faster on words seen before."""

from __future__ import annotations

import re
from array import array
from pathlib import Path
from typing import Any, Final

import orjson
import tokenizers  # type: ignore[import-untyped]  # ships no stubs

from serving.decision.conversation import clean

CACHE_WORDS: Final = 100_000
"""Words and chunks kept beside the vocabulary; beyond it the cache is cleared."""

CACHE_HEADS: Final = 256
"""Heads of long texts whose ids are kept; beyond it the cache is cleared."""

_CACHED_CHARS: Final = 48
"""Longer words are rare and large: not cached."""

_CHUNK: Final = re.compile(r"[^ \t\n\r]+")
_LOWER_WORD: Final = re.compile(r"[a-z0-9]+|[^ \t\n\ra-z0-9]")
_CASED_WORD: Final = re.compile(r"[A-Za-z0-9]+|[^ \t\n\rA-Za-z0-9]")
_SPLIT_ONLY_BY_PYTHON: Final = "\x0b\x0c\x1c\x1d\x1e\x1f"
"""Control characters at which `str.split` splits, while BERT deletes them."""

_Ids = tuple[int, ...]
_Packed = bytes
"""Ids as native int64, concatenated: joined and passed to numpy without a Python int in between."""


class Tokenizer:
    """WordPiece tokenizer whose ids are those of the Rust one, special tokens of the model not added.

    BERT's WordPiece reads ASCII text word by word without context, and any text chunk by chunk between spaces.
    So chunks are looked up, the words of unknown ASCII chunks too, and only unknown ones go to Rust. Where that
    reasoning does not hold (added tokens in the text, another kind of tokenizer) all text goes to Rust.
    Safe to share between threads.

    Parameters
    ----------
    rust
        The tokenizer to agree with; its truncation and padding are switched off.
    """

    __slots__ = (
        "_added",
        "_by_word",
        "_capacity",
        "_heads",
        "_lower",
        "_rust",
        "_vocabulary",
        "_word",
        "_words",
        "prefix",
        "suffix",
    )

    def __init__(self, rust: tokenizers.Tokenizer) -> None:
        rust.no_truncation()
        rust.no_padding()
        settings = orjson.loads(rust.to_str())
        self._rust = rust
        self._lower = bool((settings.get("normalizer") or {}).get("lowercase"))
        self._word = _LOWER_WORD if self._lower else _CASED_WORD
        self._added = tuple(token["content"] for token in settings.get("added_tokens") or ())
        self._by_word = _is_plain_bert(settings)
        self._vocabulary: dict[str, _Packed] = _vocabulary_words(settings, self._word) if self._by_word else {}
        self._words = dict(self._vocabulary)
        self._capacity = len(self._vocabulary) + CACHE_WORDS
        self._heads: dict[str, _Packed] = {}
        example = rust.encode("a", add_special_tokens=True)
        inner = [place for place, special in enumerate(example.special_tokens_mask) if not special]
        self.prefix: _Ids = tuple(example.ids[: inner[0]] if inner else ())
        self.suffix: _Ids = tuple(example.ids[inner[-1] + 1 :] if inner else ())

    @classmethod
    def from_file(cls, path: Path) -> Tokenizer:
        """Read a `tokenizer.json`."""
        return cls.from_json(path.read_text(encoding="utf-8"))

    @classmethod
    def from_json(cls, text: str) -> Tokenizer:
        """Build from the text of a `tokenizer.json`."""
        return cls(tokenizers.Tokenizer.from_str(text))

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, added tokens included: the rows that a token table needs."""
        return int(self._rust.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str) -> list[int]:
        """Turn any string, of any length, into token ids.

        Parameters
        ----------
        text
            Any str; lone surrogates are read as U+FFFD.

        Returns
        -------
        list of int
            Ids without the model's own special tokens (`prefix`, `suffix`); empty for empty text.
        """
        return memoryview(self.pack(text)).cast("q").tolist()

    def pack(self, text: str) -> bytes:
        """Turn any string into token ids as `encode` does, as concatenated native int64."""
        if not self._by_word:
            return self._pack_rust(text)
        for token in self._added:
            if token in text:
                return self._pack_rust(text)
        if not text.isascii():
            return self._pack_chunks(_CHUNK.findall(text))
        for control in _SPLIT_ONLY_BY_PYTHON:
            if control in text:
                return self._pack_rust(text)
        chunks = (text.lower() if self._lower else text).split()
        cached = self._words
        try:
            return b"".join([cached[chunk] for chunk in chunks])
        except KeyError:
            return self._pack_chunks(chunks)

    def pack_ends(self, head: str, tail: str) -> bytes:
        """Turn the two ends of a long text, joined by a newline, into token ids.

        Heads recur: an agent sends its system prompt with every call. So their ids are kept, as many as `CACHE_HEADS`.
        """
        if not self._by_word:
            return self._pack_rust(f"{head}\n{tail}")
        ids = self._heads.get(head)
        if ids is None:
            ids = self.pack(head)
            if len(self._heads) >= CACHE_HEADS:
                self._heads = {}
            self._heads[head] = ids
        return ids + self.pack(tail)

    def _pack_chunks(self, chunks: list[str]) -> _Packed:
        """Encode chunks between spaces, some of them not cached."""
        cached = self._words
        return b"".join([cached.get(chunk) or self._pack_chunk(chunk) for chunk in chunks])

    def _pack_chunk(self, chunk: str) -> _Packed:
        if not (chunk.isascii() and chunk.isprintable()):
            return self._encode_and_cache(chunk)
        cached = self._words
        words = self._word.findall(chunk.lower() if self._lower else chunk)
        ids = b"".join([cached.get(word) or self._encode_and_cache(word) for word in words])
        self._cache(chunk, ids)
        return ids

    def _encode_and_cache(self, text: str) -> _Packed:
        ids = self._pack_rust(text)
        self._cache(text, ids)
        return ids

    def _cache(self, text: str, ids: _Packed) -> None:
        if len(text) > _CACHED_CHARS:
            return
        if len(self._words) >= self._capacity:
            self._words = dict(self._vocabulary)  # threads that read the old one keep it until they are done
        self._words[text] = ids

    def _pack_rust(self, text: str) -> _Packed:
        return array("q", self._rust.encode(clean(text), add_special_tokens=False).ids).tobytes()


def _is_plain_bert(settings: dict[str, Any]) -> bool:
    """Tell whether words can be encoded without context: BERT's pipeline, and added tokens matched on the raw text."""
    normalizer = settings.get("normalizer") or {}
    return (
        normalizer.get("type") == "BertNormalizer"
        and normalizer.get("clean_text") is True
        and (settings.get("pre_tokenizer") or {}).get("type") == "BertPreTokenizer"
        and settings["model"].get("type") == "WordPiece"
        and not any(token["normalized"] for token in settings.get("added_tokens") or ())
    )


def _vocabulary_words(settings: dict[str, Any], word: re.Pattern[str]) -> dict[str, _Packed]:
    """Give the ids of the ASCII words that the vocabulary holds whole: the longest match is the word itself."""
    longest = settings["model"]["max_input_chars_per_word"]
    return {
        piece: array("q", (number,)).tobytes()
        for piece, number in settings["model"]["vocab"].items()
        if len(piece) <= longest and word.fullmatch(piece) and piece.isascii() and piece.isprintable()
    }
