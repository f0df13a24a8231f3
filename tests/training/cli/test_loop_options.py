"""Options that `retrain` and `watch` share: typed once, passed as one value, converted to settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from serving.decision.errors import BadInput
from training.cli.loop_options import LoopOptions, with_loop_options


def parsed(*words: str, **environment: str) -> tuple[LoopOptions, int]:
    found: list[tuple[LoopOptions, int]] = []
    app = typer.Typer()

    @app.command()
    @with_loop_options
    def command(options: LoopOptions, more: Annotated[int, typer.Option()] = 3) -> None:
        found.append((options, more))

    done = CliRunner().invoke(app, words, env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return found[0]


def test_without_options_the_defaults_of_the_dataclass_hold() -> None:
    options, more = parsed(THINKGATE_JOURNAL="", MLFLOW_TRACKING_URI="")
    assert options.registry == LoopOptions().registry
    assert (options.work, options.held_out, options.last, more) == (Path("var/retrain"), 0.2, None, 3)


def test_shared_and_own_options_are_passed_on() -> None:
    options, more = parsed("a.parquet", "b.parquet", "--last", "30d", "--slower", "0.5", "--more", "7")
    assert options.history == ["a.parquet", "b.parquet"]
    assert (options.last, options.slower, more) == (30 * 86_400.0, 0.5, 7)


def test_journal_and_registry_come_from_the_environment() -> None:
    options, _ = parsed(THINKGATE_JOURNAL="sqlite:///j.db", MLFLOW_TRACKING_URI="sqlite:///m.db")
    assert (options.journal, options.registry) == ("sqlite:///j.db", "sqlite:///m.db")


def test_a_bad_duration_is_bad_input() -> None:
    with pytest.raises(BadInput, match="no duration"):
        parsed("--last", "long")


def test_settings_are_what_was_typed_and_a_canary_folder_implies_canary_first() -> None:
    settings = LoopOptions(history=["a.parquet"], last=60.0, slower=0.5, canary=Path("c"), arms=Path("arms.toml"))
    made = settings.settings()
    assert (made.history, made.last_s, made.gate.slower) == (("a.parquet",), 60.0, 0.5)
    assert (made.canary_first, made.canary, made.train.arms) == (True, Path("c"), Path("arms.toml"))
    assert not LoopOptions().settings().canary_first
