"""Decodes compressed request bodies within a limit on what comes out, so that a small body can't fill the memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import brotli
from backports import zstd

from serving.schemas.problems import INVALID, TOO_LARGE, WRONG_TYPE, Problem, Rejected

_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_ZSTD_WINDOW_LOG: Final = 23
"""8 MiB: the largest window that RFC 9659 lets a zstd content coding ask for."""
_MAX_FRAMES: Final = 64
"""Frames that a zstd body may consist of; each costs a decoder."""


def decode_body(raw: bytes | bytearray, coding: bytes, max_bytes: int) -> bytes:
    """Decode a body.

    Parameters
    ----------
    coding
        Of `CODINGS`, in any case.
    max_bytes
        Largest decoded body.

    Raises
    ------
    Rejected
        Another coding, a decoded body that is larger, or bytes that the coding does not allow or that break off.

    Examples
    --------
    >>> decode_body(zlib.compress(b"{}"), b"deflate", 100)
    b'{}'
    """
    decode = _DECODERS.get(coding.strip().lower())
    if decode is None:
        raise Rejected(Problem(WRONG_TYPE, f"send the body plain or in one content-encoding of {', '.join(CODINGS)}"))
    try:
        decoded = decode(raw, max_bytes)
    except (zlib.error, zstd.ZstdError, brotli.error, EOFError):
        decoded = None
    if decoded is None:
        raise Rejected(Problem(INVALID, "the body can't be decoded: send it whole, in the content-encoding it names"))
    if len(decoded) > max_bytes:
        raise Rejected(Problem(TOO_LARGE, f"the decoded body is larger than {max_bytes} bytes: send newer turns only"))
    return decoded


def is_readable(coding: bytes) -> bool:
    """Tell whether a body in this content-encoding can be decoded."""
    return coding.strip().lower() in _DECODERS


def _decode_zlib(raw: bytes | bytearray, max_bytes: int) -> bytes | None:
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
    decoded = decoder.decompress(raw, max_bytes + 1)
    whole = decoder.eof and not decoder.unused_data
    return decoded if whole or len(decoded) > max_bytes else None


def _decode_zstd(raw: bytes | bytearray, max_bytes: int) -> bytes | None:
    decoded, rest = b"", bytes(raw)
    for _ in range(_MAX_FRAMES):
        decoder = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})
        decoded += decoder.decompress(rest, max_bytes + 1 - len(decoded))
        if len(decoded) > max_bytes:
            return decoded
        if not decoder.eof:
            return None
        if not decoder.unused_data:
            return decoded
        rest = decoder.unused_data
    return None


def _decode_brotli(raw: bytes | bytearray, max_bytes: int) -> bytes | None:
    decoder = brotli.Decompressor()
    decoded: bytes = decoder.process(bytes(raw), output_buffer_limit=max_bytes + 1)
    return decoded if decoder.is_finished() or len(decoded) > max_bytes else None


def _take(raw: bytes | bytearray, _max_bytes: int) -> bytes:
    return bytes(raw)


_DECODERS: Final[MappingProxyType[bytes, Callable[[bytes | bytearray, int], bytes | None]]] = MappingProxyType(
    {
        b"": _take,
        b"identity": _take,
        b"gzip": _decode_zlib,
        b"x-gzip": _decode_zlib,
        b"deflate": _decode_zlib,
        b"zstd": _decode_zstd,
        b"br": _decode_brotli,
    }
)
CODINGS: Final = ("gzip", "deflate", "zstd", "br")
"""Content codings that are decoded."""
