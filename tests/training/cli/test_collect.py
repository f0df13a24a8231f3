"""`thinkgate collect` as a person runs it: estimate, budget, and what was written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.collector_kills import ARMS
from tests.support.fake_llm_endpoint import FakeEndpoint, serve
from training.cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["thinkgate", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_collect_shows_the_estimate_first_and_spends_nothing_unasked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "arms.toml").write_text(ARMS)
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "What is 17 * 23?", "answer": "391"}\n')
    with serve(FakeEndpoint()) as endpoint:
        words = ["collect", tmp_path / "prompts.jsonl", "--arms", tmp_path / "arms.toml", "--out", tmp_path / "o.jsonl"]
        words += ["--url", endpoint.url, "--grader", "numeric"]
        assert run(monkeypatch, *words, "--estimate") == 0
        assert "1 prompts x 2 arms x 1 runs: 2 calls to make, about 0.0" in capsys.readouterr().out
        assert run(monkeypatch, *words) == 2
        assert "--max-usd" in capsys.readouterr().err
        assert not endpoint.seen
        assert run(monkeypatch, *words, "--max-usd", "0.001") == 0
        said = capsys.readouterr().out
        assert "not called: 2" in said
        assert not endpoint.seen
        assert run(monkeypatch, *words, "--max-usd", "1") == 0
        assert "2 outcome records" in capsys.readouterr().out
        assert sum(endpoint.seen.values()) == 2


def test_collect_says_where_an_effort_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = ARMS.replace('model = "gpt-5.1"', 'model = "tiny-1"\nprice_usd_per_mtok = { input = 0.1, output = 0.2 }')
    (tmp_path / "arms.toml").write_text(text)
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "Hi"}\n')
    words = ["collect", tmp_path / "prompts.jsonl", "--arms", tmp_path / "arms.toml", "--out", tmp_path / "o.jsonl"]
    assert run(monkeypatch, *words, "--url", "http://127.0.0.1:9/v1", "--estimate") == 0
    assert "arm reasoning: effort high, but tiny-1 has no reasoning switch here" in capsys.readouterr().err
