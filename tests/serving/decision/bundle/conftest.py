"""A real two-armed bundle, exported once, and changed copies of it."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from serving.decision.bundle.loader import Bundle, load_bundle
from serving.decision.bundle.manifest import FILES, MANIFEST, DataFingerprint, Manifest
from tests.support import tiny_models as tiny
from tests.support.bundles import Forge
from training.export.bundle_writer import BundleLineage, export_bundle


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lineage = BundleLineage(
        DataFingerprint("d1", 300, 300, "2025-01-01", None), certificate={"epsilon": 0.02}, metrics={"m": 1.0}
    )
    out = tmp_path_factory.mktemp("bundles") / "bundle"
    return export_bundle(tiny.model(2), tiny.encoder(), tiny.ARMS[:2], out, lineage).path


@pytest.fixture(scope="package")
def bundle(folder: Path) -> Bundle:
    return load_bundle(folder)


@pytest.fixture
def forge(folder: Path, tmp_path: Path) -> Forge:
    """Change files or manifest fields of a copy and seal it anew, as its maker could: only the content is at fault."""

    def make(files: dict[str, bytes] | None = None, **changes: object) -> Path:
        made = tmp_path / "forged"
        shutil.copytree(folder, made)
        for name, content in (files or {}).items():
            (made / name).write_bytes(content)
        manifest = Manifest.from_json((made / MANIFEST).read_text("utf-8"))
        hashes = {name: hashlib.sha256((made / name).read_bytes()).hexdigest() for name in FILES}
        (made / MANIFEST).write_text(replace(manifest, files=hashes, **changes).with_bundle_id().to_json(), "utf-8")  # type: ignore[arg-type]  # fields by name
        return made

    return make
