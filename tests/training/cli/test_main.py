"""The entry point: which commands there are, exit codes, one line for an error, and how little it imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from serving.decision.errors import BadInput, ThinkgateError
from tests.support.cli_runner import ThinkgateRunner
from training.cli import main as module
from training.cli.main import QUIET, app

HEAVY = ("pandas", "lightgbm", "mlflow", "torch", "scipy", "onnxruntime", "sklearn", "matplotlib", "plotly")


def test_every_command_is_listed_in_reading_order(thinkgate: ThinkgateRunner) -> None:
    done = thinkgate("--help")
    assert done.code == 0
    places = [done.out.index(f"│ {name} ") for name in ("demo", "train", "evaluate", "score", "decide", "savings")]
    assert places == sorted(places)
    for name in ("retrain", "rollback", "watch", "import", "collect"):
        assert f"│ {name} " in done.out


@pytest.mark.parametrize(
    ("error", "code"),
    [(BadInput("write it so"), 2), (ThinkgateError("it broke"), 1), (PermissionError(13, "denied", "a.txt"), 1)],
)
def test_an_error_is_one_line_and_an_exit_code(
    thinkgate: ThinkgateRunner, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    broken = typer.Typer()

    @broken.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(module, "app", broken)
    done = thinkgate()
    assert (done.code, done.error) == (code, f"thinkgate: {error}")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["trian"], "No such command"),
        (["train", "x.jsonl"], "--out"),
        (["decide", "bundle", "--prompt", "hi", "--value", "much"], "--value"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(thinkgate: ThinkgateRunner, words: list[str], named: str) -> None:
    done = thinkgate(*words)
    assert done.code == 2
    assert named in done.err


def test_mlflow_is_quiet_unless_the_environment_says_otherwise(
    thinkgate: ThinkgateRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in QUIET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_LOGGING_LEVEL", "DEBUG")
    assert thinkgate("--help").code == 0
    assert os.environ["MLFLOW_LOGGING_LEVEL"] == "DEBUG"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize("words", [["--help"], ["train", "nothere.parquet", "--out", "bundle"]])
def test_help_and_a_missing_history_import_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['thinkgate', *sys.argv[1:]]\n"
        "from training.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    code = ended.code\n"
        f"print(*sorted({{*{HEAVY!r}}} & {{*sys.modules}}), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert done.returncode == (0 if words == ["--help"] else 2), done.stderr
    assert done.stderr.splitlines()[-1] == "", done.stderr


def test_the_app_has_one_command_per_module() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names == {
        "demo", "train", "evaluate", "score", "decide", "savings", "retrain", "rollback", "watch", "import", "collect",
        "doctor", "gateway",
    }  # fmt: skip
