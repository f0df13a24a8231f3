"""`thinkgate train` as it is typed: settings, what is said, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import training.pipeline
from tests.support.cli_runner import ThinkgateRunner
from tests.support.history_files import records, write
from tests.support.small_training import trained
from training.pipeline import Trained, TrainSettings


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Path, TrainSettings]]:
    """Training itself is another test's matter: here its arguments are recorded."""
    calls: list[tuple[list[str], Path, TrainSettings]] = []

    def recording(data: list[str], out: Path, settings: TrainSettings, _progress: Any) -> Trained:
        calls.append((data, out, settings))
        return trained()

    monkeypatch.setattr(training.pipeline, "train", recording)
    return calls


def test_options_become_settings_and_findings_are_printed(
    thinkgate: ThinkgateRunner, tmp_path: Path, asked: list[tuple[list[str], Path, TrainSettings]]
) -> None:
    path, out = write(tmp_path / "h.jsonl", records(4)), tmp_path / "bundle"
    done = thinkgate("train", path, "--out", out, "--epsilon", "0.05", "--tune", "2", "--cases", "none")
    assert done.code == 0, done.err
    ((data, place, settings),) = asked
    assert (data, place) == ([str(path)], out)
    assert (settings.epsilon, settings.tune_minutes, settings.cases) == (0.05, 2.0, "none")
    assert settings.quarantine == tmp_path / "bundle.quarantine.jsonl"
    assert settings.engine.name == "local"
    assert "rows used" in done.out
    assert trained().exported.bundle.bundle_id[:12] in done.out
    assert "SYNTHETIC" in done.out


def test_a_missing_history_is_named_with_exit_code_2(
    thinkgate: ThinkgateRunner, tmp_path: Path, asked: list[tuple[list[str], Path, TrainSettings]]
) -> None:
    done = thinkgate("train", "nothere.parquet", "--out", tmp_path / "bundle")
    assert done.code == 2
    assert done.error == "thinkgate: nothere.parquet: no such file, folder or glob of outcome records"
    assert not asked


def test_a_taken_destination_comes_before_a_missing_history(thinkgate: ThinkgateRunner, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "thesis.txt").write_text("mine")
    done = thinkgate("train", "nothere.parquet", "--out", tmp_path / "bundle")
    assert done.code == 2
    assert "is no bundle" in done.error


@pytest.mark.parametrize(
    "words", [["--epsilon", "0.9"], ["--cases", "everything"], ["--engine", "spark"], ["--learn-from", "3"]]
)
def test_values_out_of_range_are_refused_by_option(thinkgate: ThinkgateRunner, words: list[str]) -> None:
    done = thinkgate("train", "h.jsonl", "--out", "bundle", *words)
    assert done.code == 2
    assert words[0] in done.err
