"""`thinkgate gateway` hands its words over as they were typed."""

from __future__ import annotations

import sys

import pytest

from training.cli.main import main


class ReplacedError(Exception):
    """Stands for the end of this process."""


def test_the_words_reach_the_gateway_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--upstream", "https://api.openai.com/v1", "--help", "--", "--store-prompts", "none"]
    monkeypatch.setattr(sys, "argv", ["thinkgate", "gateway", *words])
    became: list[str] = []

    def execv(program: str, command: list[str]) -> None:
        became[:] = [program, *command]
        raise ReplacedError

    monkeypatch.setattr("os.execv", execv)
    with pytest.raises(ReplacedError):
        main()
    assert became[0] == became[1] == sys.executable
    assert became[2:] == ["-P", "-m", "serving.gateways.standalone.main", *words]
