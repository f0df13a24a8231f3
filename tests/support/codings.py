"""Compresses bodies in each content-encoding that requests may come in."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping

import brotli
from backports import zstd

COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "br": brotli.compress,
}
