"""`thinkgate-keys`: a key is shown once and works, and rotation leaves no gap."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer.testing

from serving.auth import cli as command
from serving.auth.key_file import BadKeys, load_keys

NOW = 1_800_000_000.0
DAY = 86_400.0


class Shell:
    """Runs the command on one file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._runner = typer.testing.CliRunner(env={"COLUMNS": "160", "TERM": "dumb"})

    def run(self, *arguments: str) -> str:
        """Give stdout without its last line break."""
        result = self._runner.invoke(command.build_keys_cli(lambda: NOW), [*arguments, "--file", str(self.file)])
        if result.exception is not None:
            raise result.exception
        return result.stdout.strip()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "keys.toml")


def test_new_key_is_shown_once_and_works(shell: Shell) -> None:
    token = shell.run("new", "gateway", "--rate", "50", "--days", "2")
    assert token not in shell.file.read_text()
    key = load_keys(shell.file).find(token, NOW)
    assert key is not None
    assert (key.name, key.scopes, key.decisions_per_second, key.burst) == ("gateway", {"decide", "report"}, 50.0, 50.0)
    assert load_keys(shell.file).find(token, NOW + 2 * DAY) is None
    listed = shell.run("list")
    assert key.key_id in listed
    assert token.rpartition("_")[2] not in listed


def test_rotation_overlaps(shell: Shell) -> None:
    old = shell.run("new", "gateway", "--scope", "admin", "--scope", "decide")
    shell.run("new", "other")
    key_id = old.split("_")[1]
    fresh = shell.run("rotate", key_id, "--overlap-hours", "1")
    ring = load_keys(shell.file)
    both = ring.find(old, NOW), ring.find(fresh, NOW)
    assert [key is not None and key.scopes for key in both] == [{"admin", "decide"}] * 2
    assert ring.find(old, NOW + 3600) is None
    assert ring.find(fresh, NOW + 3600) is not None
    assert len(ring.keys) == 3
    with pytest.raises(BadKeys, match="--days"):
        shell.run("rotate", key_id)


def test_revoked_key_is_gone(shell: Shell) -> None:
    token = shell.run("new", "gateway")
    shell.run("revoke", token.split("_")[1])
    assert load_keys(shell.file).find(token, NOW) is None


def test_errors_are_one_line_with_exit_code_2(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run("new", "gateway")
    for arguments in (["revoke", "none"], ["new", "x", "--scope", "rule"], ["new"]):
        monkeypatch.setattr("sys.argv", ["thinkgate-keys", *arguments, "--file", str(shell.file)])
        with pytest.raises(SystemExit) as ended:
            command.main()
        assert ended.value.code == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("thinkgate-keys: ")
        assert shown.err.count("\n") == 1
