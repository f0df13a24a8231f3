"""`thinkgate demo` as it is typed; the demo itself is tested beside its module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

import training.demo
from tests.support.cli_runner import ThinkgateRunner


def test_folder_and_prompts_are_passed_on_and_every_part_is_printed(
    thinkgate: ThinkgateRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[Path, int]] = []

    def shown(folder: Path, count: int, _progress: Any) -> list[Text]:
        asked.append((folder, count))
        return [Text("first part"), Text("second part")]

    monkeypatch.setattr(training.demo, "run_demo", shown)
    done = thinkgate("demo", "--prompts", "300", "--folder", tmp_path / "demo")
    assert done.code == 0, done.err
    assert asked == [(tmp_path / "demo", 300)]
    assert done.out.index("first part") < done.out.index("second part")


def test_too_few_prompts_are_refused(thinkgate: ThinkgateRunner) -> None:
    done = thinkgate("demo", "--prompts", "3")
    assert done.code == 2
    assert "--prompts" in done.err
