"""The daemon's reasons, on a real registry and a real journal; training itself is another test's matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import training.retraining.daemon as module
from serving.decision.bundle.loader import load_bundle
from serving.decision.engine import Engine
from tests.support import bundles
from tests.support.synthetic_journal import EXPLORING, Clock, in_order, journal, keep, traffic
from training.promotion.gate_log import GateExpectation, GateLog, GateRecord
from training.promotion.registry import CHAMPION, Registry
from training.retraining.daemon import Daemon, DaemonSettings
from training.retraining.drift import DriftReport, DriftTest
from training.retraining.retrain import RetrainResult, RetrainSettings
from training.synthetic import World

START = World(seed=5).start
PLENTY = GateExpectation((0.99, 0.98, 1.0), (9.0, 0.0, 9.0), (9e9, 0.0, 9e9))
ANYTHING = GateExpectation((0.0, 0.0, 1.0), (9.0, 0.0, 9.0), (9e9, 0.0, 9e9))
Make = Callable[..., Daemon]


@pytest.fixture
def clock() -> Clock:
    made = Clock()
    made.now = START - 10
    return made


@pytest.fixture
def make(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A champion (bundle 1) that the gate let through, one before it (bundle 0), and an empty journal."""
    registry = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")
    journal(tmp_path / "journal.db").close()

    def watching(expected: GateExpectation = ANYTHING, **changes: object) -> Daemon:
        book = GateLog(registry)
        for number in (0, 1):
            with book.run(f"k{number}", {}) as run:
                version = run.register(bundles.exported(number))
                registry.promote(version)
                bundle = load_bundle(bundles.exported(number)).bundle_id
                book.write(
                    run, GateRecord(f"k{number}", "promote", "gain", "", bundle, None, version.version, expected)
                )
        how = RetrainSettings(
            tmp_path / "work", registry.uri, f"sqlite:///{tmp_path / 'journal.db'}", publish=tmp_path / "live"
        )
        entry = GateRecord("k", "keep", "gain", "no gain", "b")
        monkeypatch.setattr(module, "retrain", lambda _: RetrainResult(entry, False))
        quiet = DaemonSettings(how, every_s=0, window=0)
        return Daemon(replace(quiet, **changes), clock)

    return watching


def arrive(folder: Path, n: int, start: int = 0, task: str | None = None, spoilt: bool = False) -> None:
    """Traffic that the champion decided, later than the watch's start; nothing succeeds where it is spoilt."""
    clock = Clock()
    engine = Engine(load_bundle(bundles.exported(1)), EXPLORING, clock=clock)
    world = World(seed=5, mix=None if task is None else {task: 1.0})
    draws = in_order(world.sample(n, start))
    late = replace(draws, timestamp=START + start + np.linspace(0, 1, n))
    store = journal(folder / "journal.db")
    made = traffic(engine, clock, late, np.random.default_rng(start))
    keep(store, ((draft, replace(outcome, success=0.0)) if spoilt else (draft, outcome) for draft, outcome in made))
    store.close()


def test_volume_and_schedule_lead_to_a_retraining_each_once(make: Make, clock: Clock, tmp_path: Path) -> None:
    watch = make(volume=50, every_s=3600.0)
    assert watch.tick().kind == "quiet"
    arrive(tmp_path, 60)
    event = watch.tick()
    assert (event.kind, event.why) == ("retrained", "volume: 60 new outcomes")
    assert watch.tick().kind == "quiet"
    clock.now += 3601
    assert watch.tick().why == "schedule"
    again = Daemon(watch.settings, clock)
    assert again.tick().kind == "quiet", "what was done is known after a restart"


def test_drift_leads_to_a_retraining_and_like_traffic_does_not(make: Make, tmp_path: Path) -> None:
    watch = make(window=150)
    assert watch.tick().kind == "quiet"
    arrive(tmp_path, 320)
    assert watch.tick().kind == "quiet"
    arrive(tmp_path, 160, 1000, task="maths")
    event = watch.tick()
    assert event.kind == "retrained"
    assert event.why.startswith("drift: ")
    assert watch.tick().kind == "quiet", "no window is looked at twice"


def test_a_champion_that_strays_is_sent_back(make: Make, tmp_path: Path) -> None:
    watch = make(PLENTY)
    assert watch.tick().kind == "quiet"
    arrive(tmp_path, 400)
    event = watch.tick()
    assert (event.kind, event.why[:12]) == ("sent_back", "live success")
    champion = Registry(watch.settings.retrain.registry).alias(CHAMPION)
    assert champion is not None
    assert champion.version == "1"
    assert load_bundle(tmp_path / "live").bundle_id == load_bundle(bundles.exported(0)).bundle_id
    assert watch.tick().kind == "quiet"


def test_what_fails_is_said_once_and_tried_again(make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watch = make(volume=1)
    lost = replace(watch.settings.retrain, journal="mysql://nowhere")
    watch.settings = replace(watch.settings, retrain=lost)
    assert [watch.tick().kind for _ in range(3)] == ["failed"] * 3
    assert len([record for record in caplog.records if record.name == "thinkgate.watch"]) == 1


def test_where_an_arm_changed_only_later_calls_are_learnt_from(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other prompts alone are drift too, but make no older call wrong."""
    watch = make(window=150)
    asked: list[RetrainSettings] = []

    def noting(how: RetrainSettings) -> RetrainResult:
        asked.append(how)
        return RetrainResult(GateRecord("k", "keep", "gain", "no gain", "b"), False)

    monkeypatch.setattr(module, "retrain", noting)
    assert watch.tick().kind == "quiet"
    arrive(tmp_path, 320)
    assert watch.tick().kind == "quiet"
    arrive(tmp_path, 160, 1000, spoilt=True)
    event = watch.tick()
    assert "forecast success" in event.why
    began = asked[0].after
    assert began is not None
    assert START < began <= START + 1
    arrive(tmp_path, 160, 2000, spoilt=True)
    watch.tick()
    assert [how.after for how in asked] == [began, began], "the change began when it was first seen"
    arrive(tmp_path, 160, 3000)
    assert watch.tick().kind == "quiet"
    watch.settings = replace(watch.settings, volume=1)
    watch.tick()
    assert asked[-1].after is None, "it was none"


def test_other_prompts_alone_leave_older_calls_in(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = make(window=150, alpha=0.01)
    assert watch.tick().kind == "quiet"
    arrive(tmp_path, 160)
    arrive(tmp_path, 160, 1000, task="maths")
    asked: list[RetrainSettings] = []
    entry = GateRecord("k", "keep", "gain", "no gain", "b")
    monkeypatch.setattr(module, "retrain", lambda how: (asked.append(how), RetrainResult(entry, False))[1])
    monkeypatch.setattr(
        module,
        "detect_drift",
        lambda *_: DriftReport((DriftTest("prompts", 0.0, "the distribution of prompts has changed"),), 0.01),
    )
    assert watch.tick().why.startswith("drift: the distribution of prompts")
    assert [how.after for how in asked] == [None]
