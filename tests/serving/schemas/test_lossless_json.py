"""Lossless JSON: what is passed on means what came, to the last digit and the last broken character."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.schemas.lossless_json import read_lossless, write_lossless
from serving.schemas.problems import Rejected

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)


@given(VALUES)
def test_gives_back_what_came(value: Any) -> None:
    text = json.dumps(value).encode()
    document = read_lossless(text)
    assert json.loads(write_lossless(document.value, document.plain)) == json.loads(text)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"seed":123456789012345678901234567890}',
        b"[-9223372036854775809]",
        b"[18446744073709551616,1]",
        b'["a\\ud800b"]',
        b'{"\\udfff":1}',
    ],
)
def test_long_numbers_and_lone_surrogates_are_kept(raw: bytes) -> None:
    document = read_lossless(raw)
    assert not document.plain
    assert json.loads(write_lossless(document.value, document.plain)) == json.loads(raw)


def test_a_usual_body_takes_the_fast_way() -> None:
    assert read_lossless(b'{"seed":9007199254740993,"temperature":0.1}').plain
    assert read_lossless(bytearray(b"[1e18, -9223372036854775808]")).plain


def test_a_byte_order_mark_is_skipped_and_raw_surrogates_are_read() -> None:
    assert read_lossless(b"\xef\xbb\xbf[1]").value == [1]
    assert read_lossless(b'["\xed\xa0\x80"]').value == ["\ud800"]


@pytest.mark.parametrize("raw", [b"", b"\xff", b"NaN", b"Infinity", b"1e999", b'{"a":1', b"[1]]", b"{'a':1}"])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(Rejected, match="not-json: not JSON"):
        read_lossless(raw)


def test_what_nests_too_deep_is_refused_and_never_overflows() -> None:
    with pytest.raises(Rejected):
        read_lossless(b"[" * 100_000 + b"]" * 100_000)
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    assert json.loads(write_lossless(deep, plain=True)) == deep  # deeper than the fast writer goes
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Rejected, match="nests too deep"):
        write_lossless(deep, plain=True)
