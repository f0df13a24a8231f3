"""A live model that follows a folder of bundles, as the tests of serving.model need it."""

from __future__ import annotations

from pathlib import Path

import orjson

from serving.decision.policy.policy_file import PolicySource
from serving.model.lifecycle import ModelLocations, open_first
from serving.model.live_model import LiveModel
from serving.model.reloader import Reloader
from serving.model.sources import FolderSource
from tests.support.bundles import exported

PLACES = ModelLocations(None, Path("unused"), None, 1.0)


def id_of(number: int) -> str:
    """Give the id of the bundle with this number."""
    return str(orjson.loads((exported(number) / "manifest.json").read_bytes())["bundle_id"])


def follow(folder: Path, policy: Path | None = None) -> tuple[LiveModel, Reloader]:
    """Open what the folder holds, and a reloader that looks when it is told to."""
    source = FolderSource(folder)
    first = open_first(source, PLACES.prove)
    live_model = LiveModel(first.ground, None if policy is None else PolicySource(policy, first.ground.arms))
    return live_model, Reloader("model", source, PLACES.prove, live_model.renew, 1.0, first.identity)
