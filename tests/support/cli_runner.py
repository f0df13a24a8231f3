"""Runs `thinkgate` in this process, with the exit code and the one error line that a person sees."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from training.cli.main import main


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The only line of `thinkgate:` on standard error."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("thinkgate:")]
        return line


@dataclass
class ThinkgateRunner:
    """Calls the entry point with arguments."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: object) -> Finished:
        self.monkeypatch.setattr(sys, "argv", ["thinkgate", *map(str, words)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        caught = self.capsys.readouterr()
        code = ended.value.code
        return Finished(code if isinstance(code, int) else 0, caught.out, caught.err)
