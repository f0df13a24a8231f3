"""A folder with a real bundle in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bundles import put


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put(1, tmp_path / "bundle")
