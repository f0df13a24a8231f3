"""`thinkgate watch` as it is typed, in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.decision.errors import BadInput
from tests.support.synthetic_journal import journal
from training.cli.main import app


def run(*words: str) -> str:
    done = CliRunner().invoke(app, words, env={"THINKGATE_JOURNAL": "", "MLFLOW_TRACKING_URI": ""})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return f"{done.exit_code} {done.output}"


def test_watch_looks_once_for_cron_and_names_what_is_missing(tmp_path: Path) -> None:
    store = ("--registry", f"sqlite:///{tmp_path / 'm.db'}", "--work", str(tmp_path / "work"), "--once")
    with pytest.raises(BadInput, match="--journal"):
        run("watch", *store)
    with pytest.raises(BadInput, match="no duration"):
        run("watch", *store, "--journal", "sqlite:///j.db", "--every", "often")
    journal(tmp_path / "j.db").close()
    assert run("watch", *store, "--journal", f"sqlite:///{tmp_path / 'j.db'}").startswith("0")
    assert run("watch", *store, "--journal", "mysql://nowhere").startswith("1")
