"""The live model: swapped whole, rolled back without the policy, and never back to what an admin left."""

from __future__ import annotations

from pathlib import Path

from serving.model.reloader import Reloader
from serving.model.sources import FolderSource
from tests.support.bundles import put
from tests.support.followed_models import PLACES, follow, id_of


def test_roll_back_changes_the_model_and_not_the_policy(folder: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('name = "first"\n')
    live_model, reloader = follow(folder, policy)
    assert live_model.roll_back() is None
    put(2, folder)
    assert reloader.look()
    policy.write_text('name = "second"\n')
    live_model.refresh_policy()
    live = live_model.roll_back()
    assert live is not None
    assert (live.bundle_id, live.policy.split("@")[0]) == (id_of(1), "second")
    again = live_model.roll_back()
    assert again is not None
    assert again.bundle_id == id_of(2)
    assert live_model.stats.rollbacks == 2


def test_what_was_rolled_back_does_not_come_back_by_itself(folder: Path) -> None:
    live_model, reloader = follow(folder)
    put(2, folder)
    assert reloader.look()
    assert live_model.roll_back() is not None
    fresh = Reloader("model", FolderSource(folder), PLACES.prove, live_model.renew, 1.0)
    assert not fresh.look()
    assert live_model.slot.live.bundle_id == id_of(1)
    put(3, folder)
    assert fresh.look()
    assert live_model.slot.live.bundle_id == id_of(3)


def test_a_policy_that_names_arms_which_the_new_bundle_lacks_keeps_it_out(folder: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[[rule]]\ndeny = ["reasoning"]\ntask = ["maths"]\n')
    live_model, reloader = follow(folder, policy)
    policy.write_text('[[rule]]\ndeny = ["deep"]\n')
    live_model.refresh_policy()
    assert live_model.stats.policies_refused == 1
    put(2, folder)
    assert reloader.look()
