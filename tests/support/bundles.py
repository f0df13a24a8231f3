"""Small real bundles, each with a bundle id of its own, and ways to change or corrupt one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from serving.decision.bundle.manifest import DataFingerprint
from serving.decision.types import Price
from tests.support import tiny_models as tiny
from training.export.bundle_writer import BundleLineage, export_bundle

Forge = Callable[..., Path]
"""Makes a copy of a bundle with other files (bytes by name) or manifest fields, hashes and bundle id to match."""


@cache
def exported(number: int) -> Path:
    """Export the tiny two-armed model once per number; numbers differ in prices, so in the id and in every estimate."""
    arms = tuple(replace(arm, price=Price(1.0 + 0.25 * number, 10.0)) for arm in tiny.ARMS[:2])
    out = Path(mkdtemp(prefix="bundles")) / f"b{number}"
    return export_bundle(
        tiny.model(2), tiny.encoder(), arms, out, BundleLineage(DataFingerprint(f"d{number}", 1, 1))
    ).path


def put(number: int, folder: Path) -> Path:
    """Copy a bundle to where a server looks, its manifest last."""
    folder.mkdir(parents=True, exist_ok=True)
    source = exported(number)
    names = sorted((file.name for file in source.iterdir()), key="manifest.json".__eq__)
    for name in names:
        shutil.copyfile(source / name, folder / f".{name}")
        (folder / f".{name}").replace(folder / name)
    return folder


def spoil(folder: Path) -> None:
    """Flip one bit in the graph."""
    graph = bytearray((folder / "model.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (folder / "model.onnx").write_bytes(graph)
