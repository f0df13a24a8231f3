"""Endurance in full length: kills, swaps, faults under load, and an hour at half load; the tests run the short form.

`make bench NAME=endurance ARGS="--kills 100 --swaps 200 --faults 60 --minutes 60"`; a figure of 0 leaves its part out.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg

from tests.support import endurance
from tests.support.endurance import Fault, deciding, serving
from tests.support.postgres import Postgres


def postgres_stopped(seconds: float) -> Fault:
    """Stop a real PostgreSQL under load, and start it again."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        data = Path(folder) / "d"
        data.mkdir()
        server = Postgres(data)
        with psycopg.connect(server.uri, autocommit=True) as connection:
            connection.execute("create database journal")
        url = server.uri.replace("/postgres?", "/journal?")
        spool = Path(folder) / "s"
        name = "PostgreSQL stopped"
        try:
            return endurance.under_fault(name, url, spool, lambda _: server.stop(), lambda _: server.start(), seconds)
        finally:
            server.stop()


def registry_down(seconds: float, folder: Path) -> dict[str, Any]:
    """Stop a real `mlflow server` under load; the model that is live goes on, and a new one comes when it is back."""
    from tests.support.bundles import exported
    from tests.support.mlflow_server import Server
    from training.promotion.registry import Registry

    server = Server.on_a_free_port(folder)
    server.start()
    try:
        registry = Registry(server.url)
        versions = []
        for number in (1, 2):
            with registry.run(f"train {number}") as run:
                versions.append(run.register(exported(number)))
        registry.promote(versions[0])
        options = ("--model", "models:/thinkgate@champion", "--registry", server.url, "--reload-seconds", "0.5")
        with serving(*options, "--model-cache", str(folder / "cache")) as running:
            with deciding(running.url, 1, 0.002) as tally:
                time.sleep(1.0)
                server.stop()
                time.sleep(seconds)
                server.start()
                registry.promote(versions[1])
                endurance._until(lambda: len(tally.by_bundle) == 2, 60)
            endurance._end(running)
        return {"seconds": seconds, "decisions": tally.total, "failed": tally.failed, "bundles": len(tally.by_bundle)}
    finally:
        server.stop()


def main() -> None:
    """Run the parts that are asked for; print each result as it comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--swaps", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.0, help="seconds that each fault lasts")
    parser.add_argument("--minutes", type=float, default=0.0, help="of the soak at half load")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results: dict[str, Any] = {}

    def run(name: str, part: Callable[[Path], Any]) -> None:
        with tempfile.TemporaryDirectory(prefix="endurance") as folder:
            told = part(Path(folder))
        results[name] = told if isinstance(told, dict) else asdict(told)
        print(name, json.dumps(results[name]), flush=True)

    if asked.kills:
        run("kills", lambda at: endurance.kill_rounds(asked.kills, f"sqlite:///{at / 'j.db'}", at / "s"))
    if asked.swaps:
        run("swaps", lambda at: endurance.swap_rounds(asked.swaps, at))
    if asked.faults:
        run("PostgreSQL stopped", lambda _: postgres_stopped(asked.faults))
        run("disk full", lambda at: endurance.full_disk(f"sqlite:///{at / 'j.db'}", at / "s", asked.faults))
        run("corrupt bundle", lambda at: endurance.corrupt_bundle(at, asked.faults))
        run("registry down", lambda at: registry_down(asked.faults, at))
    if asked.minutes:
        run("soak", lambda at: endurance.soak(asked.minutes, at))
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
