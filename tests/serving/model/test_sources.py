"""Sources of bundles: a new manifest is a new candidate, said once; a hostile registry reaches no other folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from serving.decision import ThinkgateError
from serving.decision.bundle import MANIFEST
from serving.model.registry import RegisteredVersion, RegistryDown
from serving.model.sources import BundleCandidate, FolderSource, RegistrySource
from serving.model.uri import BadModelUri, ModelUri, parse_model_uri
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


class _Lying:
    """A registry whose answers are chosen by an attacker."""

    def __init__(self, version: str) -> None:
        self._version = version

    def find(self, uri: ModelUri) -> RegisteredVersion:
        return RegisteredVersion(uri.name, self._version, "mlflow-artifacts:/x")

    def fetch(self, found: RegisteredVersion, folder: Path) -> None:
        (folder / MANIFEST).write_text("{}")


@pytest.mark.parametrize(
    "version",
    [
        "../../../victim",
        "..",
        ".",
        "",
        "/etc",
        "1/../../victim",
        "a",
        "-1",
        "1 ",
        "1\n",
        "١",
        "0x1",
        "at-champion",
        "1\x00",
    ],
)
def test_a_version_that_is_no_number_reaches_no_folder(version: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / MANIFEST).write_text("precious")
    cache = tmp_path / "a" / "b" / "cache"
    source = RegistrySource(_Lying(version), parse_model_uri("models:/m@champion"), cache)
    with pytest.raises(RegistryDown, match="no number"):
        source.look("")
    source.refused(BundleCandidate("m/x", victim))
    source.refused(BundleCandidate("m/x", cache / "m" / version.replace("\x00", "")))
    assert (victim / MANIFEST).read_text() == "precious"


@pytest.mark.parametrize("name", ["..", "."])
def test_a_model_named_like_a_folder_above_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadModelUri, match="name of a model"):
        RegistrySource(_Lying("1"), ModelUri(name, "champion", None), tmp_path / "cache")


@pytest.mark.parametrize("content", ["../../victim", "..", "", "x", "1/../.."])
def test_a_forged_pointer_in_the_cache_is_not_followed(content: str, tmp_path: Path) -> None:
    source = RegistrySource(_Lying("1"), parse_model_uri("models:/m@champion"), tmp_path / "cache")
    (tmp_path / "cache" / "m").mkdir(parents=True)
    (tmp_path / "cache" / "m" / "at-champion").write_text(content)
    assert source.last() is None
