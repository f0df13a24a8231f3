"""The life of a model in a worker: the first bundle, rollbacks that reach every worker, sources that are followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.decision.errors import BundleMissing, ThinkgateError
from serving.http_api.rollback import rollback_route
from serving.model.lifecycle import ModelLifecycle, open_first
from serving.model.live_model import LiveModel
from serving.model.reloader import Reloader
from serving.model.rollback_notice import RollbackBoard
from serving.model.sources import BundleCandidate, FolderSource
from tests.support.bundles import put, spoil
from tests.support.fakes import LengthDecider, client_of, make_service
from tests.support.followed_models import PLACES, follow, id_of


def test_one_call_rolls_all_workers_back(folder: Path) -> None:
    rollback_board = RollbackBoard()
    first, second, late = follow(folder), follow(folder), follow(folder)
    put(2, folder)
    assert first[1].look()
    assert second[1].look()
    workers = [ModelLifecycle(live_model, rollback_board) for live_model, _ in (first, second, late)]
    http = client_of(make_service(LengthDecider()), routes=(rollback_route(workers[0]),))
    answer = http.post("/v1/model/rollback", {})
    assert answer.json() == {"bundle_id": id_of(1), "left": id_of(2)}
    for worker in workers:
        worker.look()
        worker.look()
    assert [worker.live_model.slot.live.bundle_id for worker in workers] == [id_of(1)] * 3
    assert not late[1].look()  # this worker had not seen bundle 2 yet, and leaves it alone now
    assert late[0].slot.live.bundle_id == id_of(1)
    undone = http.post("/v1/model/rollback", {})
    assert undone.json() == {"bundle_id": id_of(2), "left": id_of(1)}
    workers[1].look()
    assert workers[1].live_model.slot.live.bundle_id == id_of(2)


def test_roll_back_without_a_before_says_so(folder: Path) -> None:
    live_model, _ = follow(folder)
    http = client_of(
        make_service(LengthDecider()), routes=(rollback_route(ModelLifecycle(live_model, RollbackBoard())),)
    )
    answer = http.post("/v1/model/rollback", {})
    assert (answer.status, answer.json()["type"]) == (409, "urn:thinkgate:problem:nothing-before")


def test_a_thread_follows_by_itself(folder: Path) -> None:
    source = FolderSource(folder)
    first = open_first(source, PLACES.prove)
    live_model = LiveModel(first.ground, None)
    following = ModelLifecycle(
        live_model, RollbackBoard(), (Reloader("model", source, PLACES.prove, live_model.renew, 0.02, first.identity),)
    )
    put(2, folder)
    for _ in range(2000):
        if live_model.slot.live.bundle_id == id_of(2):
            break
        following.reloaders[0]._ending.wait(0.01)
    following.close()
    assert live_model.slot.live.bundle_id == id_of(2)


def test_a_start_falls_back_on_what_was_served_last(folder: Path, tmp_path: Path) -> None:
    spoilt = put(2, tmp_path / "new")
    spoil(spoilt)

    class Cached(FolderSource):
        def last(self) -> BundleCandidate | None:
            return BundleCandidate("old", folder)

    first = open_first(Cached(spoilt), PLACES.prove)
    assert first.identity == "old"
    with pytest.raises(ThinkgateError, match="hash"):
        open_first(FolderSource(spoilt), PLACES.prove)
    with pytest.raises(BundleMissing):
        open_first(FolderSource(tmp_path / "none"), PLACES.prove)
