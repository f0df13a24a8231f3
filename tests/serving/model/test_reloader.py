"""Reloading: what is proven goes live whole, what is not changes nothing, and one call is the way back for all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from serving.model.prepared_model import PreparedModel
from serving.model.reloader import Reloader
from serving.model.sources import FolderSource
from tests.support.bundles import put, spoil
from tests.support.followed_models import follow, id_of


def test_a_new_bundle_goes_live(folder: Path) -> None:
    live_model, reloader = follow(folder)
    assert not reloader.look()
    assert live_model.slot.live.bundle_id == id_of(1)
    put(2, folder)
    assert reloader.look()
    assert live_model.slot.live.bundle_id == id_of(2)
    assert not reloader.look()
    assert (live_model.stats.swaps, reloader.stats.swaps, reloader.stats.looks) == (1, 1, 3)


def _truncate(folder: Path) -> None:
    (folder / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes()[:100])


def _lie(folder: Path) -> None:
    told = orjson.loads((folder / "manifest.json").read_bytes())
    told["created"] = "2027-01-01T00:00:00+00:00"
    (folder / "manifest.json").write_bytes(orjson.dumps(told))


def _remove(folder: Path) -> None:
    (folder / "golden.json").unlink()


def _garble(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"\x00\xff garbage")


@pytest.mark.parametrize("harm", [spoil, _truncate, _remove, _garble, _lie])
def test_a_corrupt_bundle_changes_nothing_and_is_reported_once(
    folder: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    live_model, reloader = follow(folder)
    put(2, folder)
    harm(folder)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert not reloader.look()
    assert live_model.slot.live.bundle_id == id_of(1)
    assert (reloader.stats.refused, live_model.stats.swaps) == (1, 0)
    assert len(caplog.records) == 1
    assert "what is live stays live" in caplog.text
    put(2, folder)
    assert reloader.look()
    assert live_model.slot.live.bundle_id == id_of(2)


def test_a_missing_folder_is_said_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    live_model, reloader = follow(folder)
    folder.rename(folder.with_name("away"))
    assert not reloader.look()
    assert not reloader.look()
    assert len(caplog.records) == 1
    assert not reloader.stats.reachable
    folder.with_name("away").rename(folder)
    assert not reloader.look()
    assert reloader.stats.reachable
    assert live_model.slot.live.bundle_id == id_of(1)


def test_a_surprise_while_proving_is_contained(folder: Path) -> None:
    live_model, _ = follow(folder)

    def explode(_folder: Path) -> PreparedModel:
        raise MemoryError

    reloader = Reloader("model", FolderSource(folder), explode, live_model.renew, 1.0)
    assert not reloader.look()
    assert reloader.stats.refused == 1
