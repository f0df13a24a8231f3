"""A folder as the source of bundles: a new manifest is a new candidate, said once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from serving.decision import ThinkgateError
from serving.model.sources import FolderSource
from tests.support.bundles import put


def test_what_is_there_is_a_candidate_until_it_is_known(tmp_path: Path) -> None:
    source = FolderSource(put(1, tmp_path / "bundle"))
    first = source.look("")
    assert first is not None
    assert first.folder == tmp_path / "bundle"
    assert source.look(first.identity) is None


def test_another_bundle_is_another_candidate(tmp_path: Path) -> None:
    source = FolderSource(put(1, tmp_path / "bundle"))
    first = source.look("")
    assert first is not None
    put(2, tmp_path / "bundle")
    second = source.look(first.identity)
    assert second is not None
    assert second.identity != first.identity


def test_the_same_bundle_copied_again_is_no_news(tmp_path: Path) -> None:
    folder = put(1, tmp_path / "bundle")
    source = FolderSource(folder)
    first = source.look("")
    assert first is not None
    put(1, folder)
    assert source.look(first.identity) is None


def test_a_folder_that_is_away_is_an_error_with_its_name(tmp_path: Path) -> None:
    folder = put(1, tmp_path / "bundle")
    shutil.rmtree(folder)
    with pytest.raises(ThinkgateError, match="bundle"):
        FolderSource(folder).look("")
