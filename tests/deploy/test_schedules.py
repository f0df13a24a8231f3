"""The schedules that we ship call commands and options that there are."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer
import yaml

from training.cli.main import app

DEPLOY = Path(__file__).parents[2] / "deploy"


def understood(words: list[str]) -> dict[str, object]:
    """Parse `thinkgate retrain ...` without running it."""
    assert words[:2] == ["thinkgate", "retrain"]
    command = typer.main.get_command(app).commands["retrain"]  # type: ignore[attr-defined]
    return dict(command.make_context("retrain", words[2:]).params)


def test_the_cron_line_is_a_command() -> None:
    lines = (DEPLOY / "cron" / "thinkgate-retrain").read_text("utf-8").splitlines()
    line = next(line for line in lines if line[:1].isdigit())
    *_, user, command = line.split(None, 6)
    told = understood(shlex.split(command))
    assert user == "thinkgate"
    assert told["last"] == 90 * 86_400
    assert str(told["work"]) == "/var/lib/thinkgate/retrain"


def test_the_cron_job_runs_one_at_a_time_without_privileges() -> None:
    job = yaml.safe_load((DEPLOY / "kubernetes" / "retrain-cronjob.yaml").read_text("utf-8"))
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    told = understood([*container["command"], *container["args"]])
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}
    for place in ("work", "cache"):
        assert any(str(told[place]).startswith(f"{mount}/") for mount in mounts), place
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {each["name"] for each in container["env"]} == {"THINKGATE_JOURNAL", "MLFLOW_TRACKING_URI"}
