"""`thinkgate retrain`, `watch` and `rollback` as they are typed, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.decision.errors import BadInput
from tests.support import bundles
from tests.support.synthetic_journal import journal
from training.cli.main import app
from training.promotion.gate_log import GateLog, GateRecord, NothingBefore
from training.promotion.registry import Registry


def run(*words: str) -> str:
    done = CliRunner().invoke(app, words, env={"THINKGATE_JOURNAL": "", "MLFLOW_TRACKING_URI": ""})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return f"{done.exit_code} {done.output}"


def test_rollback_swaps_the_champion_and_publishes_it(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path / 'm.db'}", tmp_path / "artifacts")
    with pytest.raises(NothingBefore):
        run("rollback", "--registry", registry.uri)
    book = GateLog(registry)
    for number in (0, 1):
        with book.run(f"k{number}", {}) as made:
            registry.promote(made.register(bundles.exported(number)))
            book.write(made, GateRecord(f"k{number}", "promote", "first", "", "b"))
    for version, number in (("1", 0), ("2", 1)):
        said = run("rollback", "--registry", registry.uri, "--publish", str(tmp_path / "live"))
        assert f"models:/thinkgate/{version} is the champion again" in said
        wanted = (bundles.exported(number) / "manifest.json").read_bytes()
        assert (tmp_path / "live" / "manifest.json").read_bytes() == wanted


def test_watch_looks_once_for_cron_and_names_what_is_missing(tmp_path: Path) -> None:
    store = ("--registry", f"sqlite:///{tmp_path / 'm.db'}", "--work", str(tmp_path / "work"), "--once")
    with pytest.raises(BadInput, match="--journal"):
        run("watch", *store)
    with pytest.raises(BadInput, match="no duration"):
        run("watch", *store, "--journal", "sqlite:///j.db", "--every", "often")
    journal(tmp_path / "j.db").close()
    assert run("watch", *store, "--journal", f"sqlite:///{tmp_path / 'j.db'}").startswith("0")
    assert run("watch", *store, "--journal", "mysql://nowhere").startswith("1")


def test_retrain_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing to learn from"):
        run("retrain", "--work", str(tmp_path / "work"))
