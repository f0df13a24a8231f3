"""The command line's own fixture: `thinkgate` in this process."""

from __future__ import annotations

import pytest

from tests.support.cli_runner import ThinkgateRunner


@pytest.fixture
def thinkgate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> ThinkgateRunner:
    return ThinkgateRunner(monkeypatch, capsys)
