"""The demo: generates synthetic records, trains, starts the real server, and asks it for decisions."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from serving.decision import Engine, Request
from training.demo.comparison import HELD_OUT, closing_sentence, compare_policies, policies_table, with_success_value
from training.errors import TrainingError
from training.pipeline import Trained, TrainSettings, train
from training.progress import Progress
from training.report import decisions_table
from training.synthetic import World

SEED = 20_261_124
ASKED = (
    "maths",
    "planning",
    "trade_off",
    "code_architecture",
    "extraction",
    "classification",
    "summarising",
    "follow_up",
)
"""The first held-out prompt of each of these tasks is sent to the server."""


class ServerNotResponding(TrainingError):
    """The demo's server did not start or answer."""


def run_demo(folder: Path, count: int, progress: Progress) -> Sequence[RenderableType]:
    """Generate records, train, serve, ask; returns what is to be printed.

    Parameters
    ----------
    folder
        Holds the records, the bundle, the report; MLflow's store lies beside it.
    count
        Synthetic prompts to train on.
    """
    world = World(seed=SEED)
    records = folder / "history.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    world.write_parquet(records, count, progress=progress)
    store = folder.parent / "mlflow.db"
    settings = TrainSettings(
        registry=f"sqlite:///{store}",
        artifacts=folder.parent / "mlflow-artifacts",
        arms=_arms(),
        cache=folder.parent / "cache",
        quarantine=folder / "history.quarantine.jsonl",
    )
    trained = train([str(records)], folder / "bundle", settings, progress)
    unseen = world.sample(HELD_OUT, start=count)
    asked = unseen.take(np.array([int(np.argmax(unseen.tasks == task)) for task in ASKED], np.int64))
    requests = with_success_value(asked)
    answers = _ask(trained.exported.path, settings.arms, requests, progress)
    texts = [
        f"({task.replace('_', ' ')}, {request.value_of_success_usd:.2f} USD) {request.messages[-1].text}"
        for task, request in zip(asked.tasks, requests, strict=True)
    ]
    outcomes = compare_policies(Engine(trained.exported.bundle), unseen)
    return (
        decisions_table(
            "Eight requests, decided over HTTP; in brackets the value of a success (SYNTHETIC training data)",
            list(zip(texts, answers, strict=True)),
            [arm.name for arm in trained.dataset.arms],
        ),
        Text(),
        policies_table(outcomes),
        closing_sentence(outcomes),
        Text(),
        _outputs(trained),
    )


def _outputs(trained: Trained) -> Text:
    """List what the run wrote, and what can be done with it."""
    version = trained.version
    assert version is not None
    return Text(
        f"report   {trained.report}  (open it in a browser)\n"
        f"bundle   {trained.exported.path}  (ONNX; differs from LightGBM by {trained.exported.difference:.0e} "
        f"at most, on {trained.exported.compared} requests)\n"
        f"MLflow   models:/{version.name}/{version.version}  (`make mlflow` opens the UI on the run)\n"
        "server   `make serve` leaves one running on this bundle\n"
        "All of this is SYNTHETIC: generated data with known truth. No figure here describes a real model."
    )


def _arms() -> Path | None:
    """Return the repository's arms.toml where the demo runs in a checkout."""
    path = Path("data/arms.toml")
    return path if path.exists() else None


def _ask(bundle: Path, arms: Path | None, requests: Sequence[Request], progress: Progress) -> list[Mapping[str, Any]]:
    answers = []
    with _server(bundle, arms) as url:
        for done, request in enumerate(requests):
            progress("ask the server", done, len(requests))
            body: dict[str, Any] = {"value_of_success_usd": request.value_of_success_usd}
            body["messages"] = [{"role": turn.role, "content": turn.text} for turn in request.messages]
            answers.append(_post(f"{url}/v1/decisions", body))
        progress("ask the server", len(requests), len(requests))
    return answers


@contextmanager
def _server(bundle: Path, arms: Path | None) -> Iterator[str]:
    """Run the real server on a free port of the loopback interface while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "serving.main", "--bundle", str(bundle), "--http-port", str(port)]
    command += ["--journal", "none", "--decision-deadline-ms", "0"]
    if arms:
        command += ["--arms", str(arms)]
    log = bundle.with_name("server.log")
    with log.open("wb") as output:
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)  # noqa: S603 - our own server
        try:
            _wait(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ServerNotResponding(f"the server ended with code {process.returncode}: see {log}")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1):  # noqa: S310 - our own loopback server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ServerNotResponding(f"the server was not ready after a minute: see {log}")


def _post(url: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own loopback server
        url, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        found: Mapping[str, Any] = json.load(answer)
    return found
