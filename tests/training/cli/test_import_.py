"""`thinkgate import` as a person runs it: what it says, and how it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from training.cli.main import app, main


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["thinkgate", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_import_tells_what_became_of_each_row(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "calls.csv").write_text(
        "question,route,ok\nWhat is 2 + 2?,direct,1\n,direct,1\nWhat is 3 + 3?,direct,\n"
    )
    maps = ("--column", "question=prompt", "--column", "route=arm", "--column", "ok=success")
    out = tmp_path / "history.jsonl"
    assert run(monkeypatch, "import", "csv", tmp_path / "calls.csv", *maps, "--out", out) == 0
    said = capsys.readouterr().out
    assert "2 of 3 rows written" in said
    assert "quarantined: 1 x no prompt" in said
    assert "success not known: 1 rows" in said
    assert [json.loads(line)["success"] for line in out.read_text().splitlines()] == [1.0, None]
    aside = json.loads((tmp_path / "history.jsonl.quarantine.jsonl").read_text())
    assert (aside["line"], aside["row"]) == (3, {"route": "direct", "ok": "1"})


def test_an_import_of_nothing_ends_with_2_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spans.jsonl").write_text('{"input": "Hi"}\n')
    out = tmp_path / "history.jsonl"
    assert run(monkeypatch, "import", "otel", tmp_path / "spans.jsonl", "--out", out) == 2
    told = capsys.readouterr()
    assert "give OTLP JSON with resourceSpans" in told.out
    assert "not one row" in told.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing", "a.csv", "--out", "b.jsonl"], "source 'nothing' is not known"),
        (["csv", "a.csv"], "--out FILE"),
        (["csv", "a.csv", "--out", "b.xlsx"], "named so|name the file so"),
        (["csv", "a.csv", "--out", "b.jsonl"], "no such file"),
        (["csv", "a.csv", "--out", "b.jsonl", "--column", "x"], "THEIRS=OURS"),
        (["csv", "https://example.invalid/a.csv", "--out", "b.jsonl"], "--sha256"),
    ],
)
def test_import_names_the_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "import", *words) == 2
    said = capsys.readouterr().err
    assert any(part in " ".join(said.split()) for part in told.split("|"))
    assert len(said.strip().splitlines()) == 1


def test_sources_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    app(["import", "list"], standalone_mode=False)
    assert "litellm-spend-logs\n" in capsys.readouterr().out
