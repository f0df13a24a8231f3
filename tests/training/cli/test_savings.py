"""`thinkgate savings` as it is typed, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.decision.errors import BadInput
from training.cli.main import app

ROOT = Path(__file__).parents[3]
ARMS = str(ROOT / "data" / "arms.toml")


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["savings", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_the_published_case(tmp_path: Path) -> None:
    run("--case", str(ROOT / "data/cases/selective_routing"), "--json", str(tmp_path / "case.json"))
    told = json.loads((tmp_path / "case.json").read_text("utf-8"))
    assert told["worked_out"] == told["published"]
    assert told["differences"] == {}


def test_a_history_with_page_and_plots(tmp_path: Path) -> None:
    sample = str(ROOT / "data" / "sample.jsonl")
    run(
        sample, "--arms", ARMS, "--requests-per-day", "1000", "--json", str(tmp_path / "s.json"),
        "--report", str(tmp_path / "page"), "--quarantine", str(tmp_path / "q.quarantine.jsonl"),
    )  # fmt: skip
    told = json.loads((tmp_path / "s.json").read_text("utf-8"))
    assert told["requests_per_day"] == 1000.0
    assert [row["strategy"] for row in told["whole"]["strategies"]] == [
        "thinkgate",
        "always direct",
        "always reasoning",
    ]
    assert any("SYNTHETIC" in note for note in told["notes"])
    page = (tmp_path / "page" / "savings.html").read_text("utf-8")
    assert "What a day costs" in page
    assert "SYNTHETIC" in page
    assert {path.name for path in (tmp_path / "page").glob("*.png")} >= {"savings_usd_per_day.png"}


def test_a_journal_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not there"):
        run(f"sqlite:///{tmp_path / 'nowhere.db'}", "--arms", ARMS)
    (tmp_path / "empty.db").touch()
    with pytest.raises(BadInput, match="can't be read"):
        run(f"sqlite:///{tmp_path / 'empty.db'}", "--arms", ARMS)
    with pytest.raises(BadInput, match="journal URL"):
        run("sqlite:nowhere.db", "--arms", ARMS)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(BadInput, match="--case"):
        run()
    with pytest.raises(BadInput, match="--arms"):
        run("history.jsonl")
    with pytest.raises(BadInput, match="not both"):
        run("sqlite:///a.db", "history.jsonl", "--arms", ARMS)
