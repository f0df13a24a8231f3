"""`thinkgate doctor` shows what is sent, and ends with 1 where a server would not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.cli.main import _run, app

ARMS = """
[[arm]]
name = "direct"
model = "{model}"
price_usd_per_mtok = {{ input = 1, output = 2 }}
[[arm]]
name = "reasoning"
model = "{model}"
effort = "high"
price_usd_per_mtok = {{ input = 1, output = 2 }}
"""


def _doctor(*words: str, monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    monkeypatch.setattr("sys.argv", ["thinkgate", "doctor", *words])
    return _run(app)


def test_what_is_sent_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "arms.toml"
    file.write_text(ARMS.format(model="gpt-5.1"))
    assert _doctor("--arms", str(file), monkeypatch=monkeypatch) == 0
    shown = capsys.readouterr().out
    assert '{"reasoning_effort":"high"}' in shown
    assert "no two send the same" in shown


def test_a_refusal_is_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "arms.toml"
    file.write_text(ARMS.format(model="house-model"))
    assert _doctor("--arms", str(file), monkeypatch=monkeypatch) == 1
    assert "refused arms 'direct' and 'reasoning' send the same" in capsys.readouterr().out


def test_an_unreadable_file_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _doctor("--arms", str(tmp_path / "none.toml"), monkeypatch=monkeypatch) == 2
