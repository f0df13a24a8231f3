"""`thinkgate retrain` and `rollback` as they are typed, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.decision.errors import BadInput
from tests.support import bundles
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
    gate_log = GateLog(registry)
    for number in (0, 1):
        with gate_log.run(f"k{number}", {}) as made:
            registry.promote(made.register(bundles.exported(number)))
            gate_log.write(made, GateRecord(f"k{number}", "promote", "first", "", "b"))
    for version, number in (("1", 0), ("2", 1)):
        said = run("rollback", "--registry", registry.uri, "--publish", str(tmp_path / "live"))
        assert f"models:/thinkgate/{version} is the champion again" in said
        wanted = (bundles.exported(number) / "manifest.json").read_bytes()
        assert (tmp_path / "live" / "manifest.json").read_bytes() == wanted


def test_retrain_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing to learn from"):
        run("retrain", "--work", str(tmp_path / "work"))
