"""SYNTHETIC story over a live registry: journal in PostgreSQL, canary tried on a share, settled, and one dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import mlflow
import numpy as np
import pytest

from serving.decision.bundle.loader import load_bundle
from tests.support.loop_story import POLICY, Callers, served
from tests.support.mlflow_server import Server
from tests.support.servers import Running, postgres_uri, postgres_url, start_server, stop_server
from tests.support.synthetic_journal import QUICK, TURNED, TURNED_USD, VALUE_USD, in_order
from tests.support.waiting import wait_until
from training.pipeline.train import TrainSettings
from training.promotion.canary import PublishFolders, publish
from training.promotion.gate_log import GateExpectation, GateLog, GateRecord
from training.promotion.gate_types import GateSettings
from training.promotion.registry import CANARY, CHAMPION, PREVIOUS, Registry
from training.retraining.daemon import Daemon, DaemonSettings
from training.retraining.retrain import RetrainSettings, retrain
from training.synthetic import PromptSample

__all__ = ["postgres_uri", "postgres_url"]

OUTCOMES = 100


@dataclass
class Stage:
    settings: RetrainSettings
    server: Running
    later: PromptSample

    def serve(self, n: int) -> Counter[str]:
        """Let callers ask n times; gives how many each bundle decided."""
        now, self.later = self.later.take(np.arange(n)), self.later.take(np.arange(n, len(self.later)))
        callers = Callers(self.server.url)
        callers.serve(now)
        return callers.decided

    def aliases(self) -> list[str | None]:
        registry = Registry(self.settings.registry)
        found = [registry.alias(name) for name in (CHAMPION, PREVIOUS, CANARY)]
        return [None if alias is None else alias.version for alias in found]


@pytest.fixture
def stage(tmp_path: Path, postgres_url: str) -> Iterator[Stage]:
    before = mlflow.get_tracking_uri()
    store = Server.on_a_free_port(tmp_path / "mlflow")
    store.folder.mkdir()
    store.start()
    draws = in_order(TURNED.sample(8000))
    old, new = (draws.take(np.flatnonzero(draws.shifted == side)) for side in (False, True))
    TURNED.records(old.take(np.arange(600))).to_parquet(tmp_path / "past.parquet")
    (tmp_path / "policy.toml").write_text(
        POLICY.replace(f"usd = {VALUE_USD}", f"usd = {TURNED_USD}").replace("= 0.4", "= 0.8")
    )
    settings = RetrainSettings(
        work=tmp_path / "work",
        registry=store.url,
        history=(str(tmp_path / "past.parquet"),),
        policy=tmp_path / "policy.toml",
        canary_first=True,
        gate=GateSettings(slower=20.0),
        train=TrainSettings(fit=QUICK, resamples=50),
    )
    assert retrain(settings).entry.guard == "first"
    server = start_server(
        "--model", "models:/thinkgate@champion", "--canary", "models:/thinkgate@canary", "--canary-share", "0.6",
        "--registry", store.url, "--model-cache", str(tmp_path / "cache"), "--reload-seconds", "1",
        "--journal", postgres_url, "--store-prompts", "full", "--spool", str(tmp_path / "spool"),
        "--policy", str(tmp_path / "policy.toml"),
    )  # fmt: skip
    yield Stage(replace(settings, journal=postgres_url, history=(), held_out=0.3), server, new)
    stop_server(server)
    mlflow.set_tracking_uri(before)
    store.stop()


def test_what_wins_is_tried_and_then_champion_and_what_strays_is_dropped(stage: Stage) -> None:
    url = stage.server.url
    watch = Daemon(
        DaemonSettings(stage.settings, every_s=0, volume=1000, window=0, guard_s=0, canary_outcomes=OUTCOMES)
    )
    first = served(url)
    assert watch.tick().kind == "quiet"
    assert stage.serve(2000) == {first: 2000}
    event = watch.tick()
    assert (event.kind, event.why[:6]) == ("retrained", "volume"), event
    assert event.verdict is not None
    assert (event.verdict.verdict, event.verdict.canary) == ("promote", True), event
    second = event.verdict.bundle_id
    assert stage.aliases() == ["1", None, "2"]

    # The canary decides its share; all others still get the champion.
    wait_until(lambda: stage.serve(20)[second] > 0, 60, "the server did not take the canary up", 0.3)
    decided = stage.serve(400)
    assert set(decided) == {first, second}
    assert 0.45 < decided[second] / 400 < 0.75
    assert served(url) == first

    event = watch.tick()
    assert event.kind == "settled", event
    assert stage.aliases() == ["2", "1", "2"]
    wait_until(lambda: served(url) == second, 60, "the server did not swap", 0.3)
    assert stage.serve(100) == {second: 100}

    # One that is not what the gate took it for: its share is taken from it, and nobody else notices.
    book = GateLog(Registry(stage.settings.registry))
    place = stage.settings.work / "again"
    back = book.registry.alias(PREVIOUS)
    assert back is not None
    book.fetch(back, place)
    with book.run("boasting", {}) as run:
        version = run.register(place)
        promised = GateExpectation((0.999, 0.999, 1.0), (1.0, 0.0, 1.0), (1e9, 0.0, 1e9))
        told = GateRecord(
            "boasting", "promote", "gain", "", load_bundle(place).bundle_id, second, version.version, promised, True
        )
        book.write(run, told)
    publish(book, version, place, PublishFolders(), as_canary=True)
    assert watch.tick().kind == "quiet"
    wait_until(lambda: stage.serve(20)[first] > 0, 60, "the server did not take the second canary up", 0.3)
    stage.serve(350)
    event = watch.tick()
    assert (event.kind, "live success" in event.why) == ("dropped", True), event
    assert stage.aliases() == ["2", "1", "2"]
    wait_until(lambda: stage.serve(20)[first] == 0, 60, "the canary still decides", 0.3)
    assert stage.serve(100) == {second: 100}
