"""The loop's story on a SYNTHETIC world that drifts: seen, learnt, swapped in under load; then poison, and no swap."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from serving.decision.bundle.loader import load_bundle
from tests.support.loop_story import POLICY, WORLD, Callers, served, share
from tests.support.servers import Running, start_server, stop_server
from tests.support.synthetic_journal import QUICK, in_order
from training.pipeline.train import TrainSettings
from training.promotion.gate_types import GateSettings
from training.promotion.registry import CHAMPION, Registry
from training.retraining.daemon import Daemon, DaemonSettings
from training.retraining.retrain import RetrainSettings, retrain
from training.synthetic import PromptSample


@dataclass
class Stage:
    settings: RetrainSettings
    server: Running
    before: PromptSample
    after: PromptSample


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("story")
    draws = in_order(WORLD.sample(8000))
    before, after = (draws.take(np.flatnonzero(draws.shifted == side)) for side in (False, True))
    WORLD.records(before.take(np.arange(600))).to_parquet(folder / "past.parquet")
    (folder / "policy.toml").write_text(POLICY)
    settings = RetrainSettings(
        work=folder / "work",
        registry=f"sqlite:///{folder / 'mlflow.db'}",
        history=(str(folder / "past.parquet"),),
        policy=folder / "policy.toml",
        publish=folder / "live",
        gate=GateSettings(slower=20.0),  # who thinks more waits longer, and that is wanted here
        train=TrainSettings(fit=QUICK, resamples=50),
    )
    assert retrain(settings).entry.guard == "first"
    database = f"sqlite:///{folder / 'journal.db'}"
    server = start_server(
        "--bundle", str(folder / "live"), "--journal", database, "--policy", str(folder / "policy.toml"),
        "--reload-seconds", "1", "--store-prompts", "full", "--spool", str(folder / "spool"),
    )  # fmt: skip
    yield Stage(
        replace(settings, journal=database, history=(), held_out=0.4), server, before.take(np.arange(600, 1600)), after
    )
    stop_server(server)


def test_drift_is_seen_and_learnt_and_poison_is_not(stage: Stage, tmp_path: Path) -> None:
    callers, live = Callers(stage.server.url), stage.settings.publish
    assert live is not None
    first = load_bundle(live).bundle_id
    watch = Daemon(DaemonSettings(stage.settings, every_s=0, window=500, alpha=0.01, guard_s=0))
    assert watch.tick().kind == "quiet"

    before = callers.serve(stage.before)
    assert watch.tick().kind == "quiet", "nothing has changed yet"
    kept = share(stage.before, before)
    drifted, learnt = stage.after.take(np.arange(3000)), stage.after.take(np.arange(3000, 3400))
    lost = share(drifted, callers.serve(drifted))

    # The loop closes while callers go on; none of their requests fails.
    ending, failures = threading.Event(), []

    def load_on() -> None:
        other = Callers(stage.server.url, np.random.default_rng(6))
        while not ending.is_set():
            try:
                other.serve(learnt.take(np.arange(20)))
            except Exception as error:
                failures.append(error)

    caller = threading.Thread(target=load_on)
    caller.start()
    try:
        event = watch.tick()
        assert (event.kind, event.why[:6]) == ("retrained", "drift:"), event
        assert event.verdict is not None
        assert (event.verdict.verdict, event.verdict.champion_id) == ("promote", first), event
        end = time.monotonic() + 60
        while served(stage.server.url) != event.verdict.bundle_id:
            assert time.monotonic() < end, "the server did not swap"
            time.sleep(0.2)
    finally:
        ending.set()
        caller.join(60)
    assert not failures
    won = share(learnt, callers.serve(learnt))
    assert won > lost + 0.02, (kept, lost, won)

    # A poisoned history: of one task the labels are turned round. The gate judges by what was really served.
    champion = Registry(stage.settings.registry).alias(CHAMPION)
    poison = WORLD.records(stage.after.take(np.flatnonzero(stage.after.shifted)[:1000]))
    task = poison["task"].value_counts().index[0]
    flipped = poison["task"] == task
    poison.loc[flipped, "success"] = (poison.loc[flipped, "arm"] == "direct").astype(float)
    poison["timestamp"] = poison["timestamp"].min()
    poison["prompt_id"] = poison["prompt_id"] + "-poison"
    poison.to_parquet(tmp_path / "poison.parquet")
    spoilt = retrain(replace(stage.settings, history=(str(tmp_path / "poison.parquet"),)))
    assert (spoilt.entry.verdict, spoilt.entry.guard in ("gain", "task", "overlap")) == ("keep", True), spoilt.entry
    assert Registry(stage.settings.registry).alias(CHAMPION) == champion
    assert served(stage.server.url) == event.verdict.bundle_id
