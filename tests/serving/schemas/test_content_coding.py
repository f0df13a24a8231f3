"""Decoding request bodies: what was compressed comes back, a bomb stays small, what breaks off is refused."""

from __future__ import annotations

import gzip
import resource
from contextlib import suppress

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from serving.schemas.content_coding import CODINGS, decode_body, is_readable
from serving.schemas.problems import INVALID, TOO_LARGE, WRONG_TYPE, Rejected
from tests.support.codings import COMPRESS

LIMIT = 100_000


@pytest.mark.parametrize("coding", CODINGS)
@given(body=st.binary(max_size=2000))
def test_every_coding_gives_back_what_was_compressed(coding: str, body: bytes) -> None:
    assert decode_body(COMPRESS[coding](body), coding.encode(), len(body)) == body
    assert decode_body(bytearray(COMPRESS[coding](body)), coding.upper().encode() + b" ", LIMIT) == body


@pytest.mark.parametrize("coding", CODINGS)
def test_the_limit_is_on_the_decoded_body(coding: str) -> None:
    raw = COMPRESS[coding](b"a" * (LIMIT + 1))
    with pytest.raises(Rejected) as refused:
        decode_body(raw, coding.encode(), LIMIT)
    assert refused.value.problem.kind is TOO_LARGE


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_does_not_fill_the_memory(coding: str) -> None:
    raw = COMPRESS[coding](bytes(300 * 2**20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Rejected):
        decode_body(raw, coding.encode(), LIMIT)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


@pytest.mark.parametrize("coding", CODINGS)
def test_what_breaks_off_or_goes_on_is_refused(coding: str) -> None:
    raw = COMPRESS[coding](b'{"model": "gpt-5.1"}' * 50)
    for damaged in (b"", raw[:1], raw[: len(raw) // 2], raw[:-1], raw + b"more", b"{}"):
        with pytest.raises(Rejected) as refused:
            decode_body(damaged, coding.encode(), LIMIT)
        assert refused.value.problem.kind is INVALID


@pytest.mark.parametrize("coding", CODINGS)
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(coding: str, raw: bytes) -> None:
    with suppress(Rejected):
        assert len(decode_body(raw, coding.encode(), LIMIT)) <= LIMIT


def test_frames_are_joined_as_far_as_they_are_few() -> None:
    frame = zstd.compress(b"ab")
    assert decode_body(frame * 3, b"zstd", LIMIT) == b"ababab"
    with pytest.raises(Rejected):
        decode_body(frame * 1000, b"zstd", LIMIT)


def test_a_window_that_the_coding_does_not_allow_is_refused() -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    raw = compressor.compress(b"a" * 100) + compressor.flush()
    with pytest.raises(Rejected):
        decode_body(raw, b"zstd", LIMIT)


def test_other_codings_are_refused() -> None:
    for coding in (b"compress", b"gzip, br", b"aws-chunked"):
        assert not is_readable(coding)
        with pytest.raises(Rejected) as refused:
            decode_body(gzip.compress(b"{}"), coding, LIMIT)
        assert refused.value.problem.kind is WRONG_TYPE
    assert decode_body(b"{}", b"identity", LIMIT) == b"{}"
