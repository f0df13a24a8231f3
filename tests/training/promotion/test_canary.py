"""A canary's rollout, on a real registry and a real journal: it goes on, ends as champion, or ends as nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serving.decision.bundle.loader import load_bundle
from serving.decision.engine import Engine
from tests.support import bundles
from tests.support.synthetic_journal import EXPLORING, Clock, in_order, journal, keep, traffic
from training.promotion.canary import (
    CanarySettings,
    PublishFolders,
    check_canary,
    end_canary,
    note_canary_start,
    publish,
)
from training.promotion.gate_log import GateExpectation, GateLog, GateRecord
from training.promotion.registry import CANARY, CHAMPION, Registry, Version
from training.synthetic import World

WORLD = World(seed=5)
ANYTHING = GateExpectation((0.0, 0.0, 1.0), (9.0, 0.0, 9.0), (9e9, 0.0, 9e9))
CHEAP = GateExpectation((0.0, 0.0, 1.0), (1e-7, 0.0, 1e-7), (9e9, 0.0, 9e9))


class Rollout:
    """A champion (bundle 0), a canary (bundle 1) and the journal of what the canary decides."""

    def __init__(self, folder: Path, expected: GateExpectation | None) -> None:
        self.folder, self.clock = folder, Clock()
        self.book = GateLog(Registry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts"))
        self.folders = PublishFolders(folder / "live", folder / "canary")
        made: list[Version] = []
        for number in (0, 1):
            with self.book.run(f"k{number}", {}) as run:
                made.append(run.register(bundles.exported(number)))
                bundle = load_bundle(bundles.exported(number)).bundle_id
                self.book.write(run, GateRecord(f"k{number}", "promote", "gain", "", bundle, None, "1", expected))
            publish(self.book, made[-1], bundles.exported(number), self.folders, as_canary=number == 1)
        self.champion, self.canary = made
        self.settings = CanarySettings(250, 1e6, 0.01, self.folders, folder / "canary.json")
        self.clock.now = WORLD.start - 10
        journal(folder / "journal.db").close()
        self.seen = 0

    def arrive(self, n: int) -> None:
        clock = Clock()
        engine = Engine(load_bundle(bundles.exported(1)), EXPLORING, clock=clock)
        store = journal(self.folder / "journal.db")
        keep(store, traffic(engine, clock, in_order(WORLD.sample(n, self.seen)), np.random.default_rng(self.seen)))
        store.close()
        self.seen += n

    def check(self) -> tuple[str, str] | None:
        champion = self.book.registry.alias(CHAMPION)
        assert champion is not None
        store = journal(self.folder / "journal.db")
        found = check_canary(self.book, champion, store, self.settings, self.clock)
        store.close()
        return None if found is None else (found.kind, found.why)

    def places(self) -> list[str]:
        """Versions of `champion` and `canary`, numbers of the bundles in both folders."""
        aliases = [self.book.registry.alias(name) for name in (CHAMPION, CANARY)]
        numbers = {load_bundle(bundles.exported(number)).bundle_id: str(number) for number in (0, 1)}
        folders = [numbers[load_bundle(self.folder / name).bundle_id] for name in ("live", "canary")]
        return [*(alias.version for alias in aliases if alias), *folders]


def test_it_goes_on_until_its_outcomes_are_there_and_then_it_is_champion(tmp_path: Path) -> None:
    rollout = Rollout(tmp_path, ANYTHING)
    assert rollout.places() == ["1", "2", "0", "1"]
    note_canary_start(rollout.book, rollout.settings, rollout.clock)
    rollout.clock.now += 1e5
    rollout.arrive(150)
    found = rollout.check()
    assert found is not None
    assert found[0] == "quiet"
    assert 50 < int(found[1].split()[4]) < 150, "what came before the first look counts"
    rollout.arrive(450)
    found = rollout.check()
    assert found is not None
    assert found[0] == "settled"
    assert rollout.places() == ["2", "2", "1", "1"]
    assert rollout.check() is None


def test_one_that_strays_is_dropped_and_the_champion_has_its_place(tmp_path: Path) -> None:
    rollout = Rollout(tmp_path, CHEAP)
    assert rollout.check() is not None
    rollout.arrive(400)
    found = rollout.check()
    assert found is not None
    assert found[0] == "dropped"
    assert "live cost" in found[1]
    assert rollout.places() == ["1", "1", "0", "0"]
    assert rollout.check() is None


def test_one_without_traffic_is_champion_in_the_end(tmp_path: Path) -> None:
    rollout = Rollout(tmp_path, ANYTHING)
    assert rollout.check() == ("quiet", "models:/thinkgate/2 is the canary: 0 of 250 outcomes")
    rollout.clock.now += 2e6
    found = rollout.check()
    assert found is not None
    assert found[0] == "settled"
    assert rollout.places() == ["2", "2", "1", "1"]


def test_one_that_was_put_there_by_hand_stays(tmp_path: Path) -> None:
    rollout = Rollout(tmp_path, None)
    rollout.arrive(400)
    assert rollout.check() is None
    assert rollout.places() == ["1", "2", "0", "1"]


@pytest.mark.parametrize("back", [True, False])
def test_a_rollback_or_a_newer_champion_ends_it(tmp_path: Path, back: bool) -> None:
    rollout = Rollout(tmp_path, ANYTHING)
    if back:
        rollout.book.registry.promote(rollout.canary)
        end_canary(rollout.book, rollout.book.roll_back(), rollout.folders)
        assert rollout.places() == ["1", "1", "0", "0"]
    else:
        publish(rollout.book, rollout.champion, bundles.exported(0), rollout.folders, as_canary=False)
        assert rollout.places() == ["1", "1", "0", "0"]
    assert rollout.check() is None
