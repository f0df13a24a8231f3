"""Reloading: what is proven goes live whole, what is not changes nothing, and one call is the way back for all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from serving.decision.errors import BundleMissing, ThinkgateError
from serving.decision.policy.policy_file import PolicySource
from serving.http_api.rollback import rollback_route
from serving.model.lifecycle import ModelLifecycle, ModelLocations, open_first
from serving.model.live_model import LiveModel
from serving.model.prepared_model import PreparedModel
from serving.model.reloader import Reloader
from serving.model.rollback_notice import RollbackBoard
from serving.model.sources import BundleCandidate, FolderSource
from tests.support.bundles import exported, put, spoil
from tests.support.fakes import LengthDecider, client_of, make_service

PLACES = ModelLocations(None, Path("unused"), None, 1.0)


def id_of(number: int) -> str:
    return str(orjson.loads((exported(number) / "manifest.json").read_bytes())["bundle_id"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put(1, tmp_path / "bundle")


def follow(folder: Path, policy: Path | None = None) -> tuple[LiveModel, Reloader]:
    source = FolderSource(folder)
    first = open_first(source, PLACES.prove)
    keeper = LiveModel(first.ground, None if policy is None else PolicySource(policy, first.ground.arms))
    return keeper, Reloader("model", source, PLACES.prove, keeper.renew, 1.0, first.identity)


def test_a_new_bundle_goes_live(folder: Path) -> None:
    keeper, reloader = follow(folder)
    assert not reloader.look()
    assert keeper.slot.live.bundle_id == id_of(1)
    put(2, folder)
    assert reloader.look()
    assert keeper.slot.live.bundle_id == id_of(2)
    assert not reloader.look()
    assert (keeper.stats.swaps, reloader.stats.swaps, reloader.stats.looks) == (1, 1, 3)


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
    keeper, reloader = follow(folder)
    put(2, folder)
    harm(folder)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert not reloader.look()
    assert keeper.slot.live.bundle_id == id_of(1)
    assert (reloader.stats.refused, keeper.stats.swaps) == (1, 0)
    assert len(caplog.records) == 1
    assert "what is live stays live" in caplog.text
    put(2, folder)
    assert reloader.look()
    assert keeper.slot.live.bundle_id == id_of(2)


def test_a_missing_folder_is_said_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    keeper, reloader = follow(folder)
    folder.rename(folder.with_name("away"))
    assert not reloader.look()
    assert not reloader.look()
    assert len(caplog.records) == 1
    assert not reloader.stats.reachable
    folder.with_name("away").rename(folder)
    assert not reloader.look()
    assert reloader.stats.reachable
    assert keeper.slot.live.bundle_id == id_of(1)


def test_a_surprise_while_proving_is_contained(folder: Path) -> None:
    keeper, _ = follow(folder)

    def explode(_folder: Path) -> PreparedModel:
        raise MemoryError

    reloader = Reloader("model", FolderSource(folder), explode, keeper.renew, 1.0)
    assert not reloader.look()
    assert reloader.stats.refused == 1


def test_roll_back_changes_the_model_and_not_the_policy(folder: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('name = "first"\n')
    keeper, reloader = follow(folder, policy)
    assert keeper.roll_back() is None
    put(2, folder)
    assert reloader.look()
    policy.write_text('name = "second"\n')
    keeper.look_at_policy()
    live = keeper.roll_back()
    assert live is not None
    assert (live.bundle_id, live.policy.split("@")[0]) == (id_of(1), "second")
    again = keeper.roll_back()
    assert again is not None
    assert again.bundle_id == id_of(2)
    assert keeper.stats.rollbacks == 2


def test_what_was_rolled_back_does_not_come_back_by_itself(folder: Path) -> None:
    keeper, reloader = follow(folder)
    put(2, folder)
    assert reloader.look()
    assert keeper.roll_back() is not None
    fresh = Reloader("model", FolderSource(folder), PLACES.prove, keeper.renew, 1.0)
    assert not fresh.look()
    assert keeper.slot.live.bundle_id == id_of(1)
    put(3, folder)
    assert fresh.look()
    assert keeper.slot.live.bundle_id == id_of(3)


def test_one_call_rolls_all_workers_back(folder: Path) -> None:
    bulletin = RollbackBoard()
    first, second, late = follow(folder), follow(folder), follow(folder)
    put(2, folder)
    assert first[1].look()
    assert second[1].look()
    workers = [ModelLifecycle(keeper, bulletin) for keeper, _ in (first, second, late)]
    http = client_of(make_service(LengthDecider()), routes=(rollback_route(workers[0]),))
    answer = http.post("/v1/model/rollback", {})
    assert answer.json() == {"bundle_id": id_of(1), "left": id_of(2)}
    for worker in workers:
        worker.look()
        worker.look()
    assert [worker.keeper.slot.live.bundle_id for worker in workers] == [id_of(1)] * 3
    assert not late[1].look()  # this worker had not seen bundle 2 yet, and leaves it alone now
    assert late[0].slot.live.bundle_id == id_of(1)
    undone = http.post("/v1/model/rollback", {})
    assert undone.json() == {"bundle_id": id_of(2), "left": id_of(1)}
    workers[1].look()
    assert workers[1].keeper.slot.live.bundle_id == id_of(2)


def test_roll_back_without_a_before_says_so(folder: Path) -> None:
    keeper, _ = follow(folder)
    http = client_of(make_service(LengthDecider()), routes=(rollback_route(ModelLifecycle(keeper, RollbackBoard())),))
    answer = http.post("/v1/model/rollback", {})
    assert (answer.status, answer.json()["type"]) == (409, "urn:thinkgate:problem:nothing-before")


def test_a_policy_that_names_arms_which_the_new_bundle_lacks_keeps_it_out(folder: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[[rule]]\ndeny = ["reasoning"]\ntask = ["maths"]\n')
    keeper, reloader = follow(folder, policy)
    policy.write_text('[[rule]]\ndeny = ["deep"]\n')
    keeper.look_at_policy()
    assert keeper.stats.policies_refused == 1
    put(2, folder)
    assert reloader.look()


def test_a_thread_follows_by_itself(folder: Path) -> None:
    source = FolderSource(folder)
    first = open_first(source, PLACES.prove)
    keeper = LiveModel(first.ground, None)
    following = ModelLifecycle(
        keeper, RollbackBoard(), (Reloader("model", source, PLACES.prove, keeper.renew, 0.02, first.identity),)
    )
    put(2, folder)
    for _ in range(2000):
        if keeper.slot.live.bundle_id == id_of(2):
            break
        following.reloaders[0]._ending.wait(0.01)
    following.close()
    assert keeper.slot.live.bundle_id == id_of(2)


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
