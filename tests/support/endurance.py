"""Kills, swaps, faults and soaks of a server, as functions: tests run them short, `run_endurance` runs them long.

Long itself, so that both run the very same code.
"""

from __future__ import annotations

import itertools
import random
import resource
import shutil
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import create_engine, text

from tests.support.bundles import put, spoil
from tests.support.servers import Running, start_server, stop_server
from tests.support.waiting import wait_until

PROMPTS = ("What is 17 * 23?", "Plan the move of a list in three steps. " * 8, "def f(x): return x  # why?\n" * 12)


@dataclass
class Tally:
    """What callers saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    fallbacks: int = 0
    by_bundle: dict[str, set[float]] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Decisions that got no 200."""
        return sum(self.errors.values()) + sum(count for status, count in self.statuses.items() if status != 200)

    @property
    def total(self) -> int:
        return sum(self.statuses.values()) + sum(self.errors.values())


@contextmanager
def deciding(url: str, clients: int = 2, rest_s: float = 0.0) -> Iterator[Tally]:
    """Ask for decisions while the block runs; each client asks the same prompts in turn, on one connection."""
    tally, stop, lock = Tally(), threading.Event(), threading.Lock()

    def ask(number: int) -> None:
        with httpx.Client(base_url=url, timeout=30) as http:
            for turn in itertools.count(number):
                if stop.is_set():
                    return
                place = turn % len(PROMPTS)
                try:
                    answer = http.post("/v1/decisions", json={"prompt": PROMPTS[place], "session_id": None})
                except httpx.HTTPError as error:
                    with lock:
                        tally.errors[type(error).__name__] += 1
                    time.sleep(0.05)
                    continue
                with lock:
                    tally.statuses[answer.status_code] += 1
                    if answer.status_code == 200:
                        _note(tally, place, answer.json())
                if rest_s:
                    time.sleep(rest_s)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield tally
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _note(tally: Tally, place: int, decision: dict[str, Any]) -> None:
    tally.fallbacks += decision["fallback"] is not None
    if place == 0 and decision["estimates"]:
        tally.by_bundle.setdefault(decision["bundle_id"], set()).add(decision["estimates"]["direct"]["cost_usd"])


@dataclass
class Reports:
    """What reporters were answered."""

    acknowledged: list[str] = field(default_factory=list)
    refused: int = 0


@contextmanager
def reporting(url: str, prefix: str, reports: Reports, reporters: int = 2) -> Iterator[None]:
    """Report outcomes while the block runs; an id counts as acknowledged only when its answer has come."""
    stop, lock, numbers = threading.Event(), threading.Lock(), itertools.count()

    def report() -> None:
        with httpx.Client(base_url=url, timeout=30) as http:
            while not stop.is_set():
                ids = [f"{prefix}-{next(numbers)}" for _ in range(1 + next(numbers) % 4)]
                try:
                    answer = http.post("/v1/outcomes", json=[{"decision_id": name, "success": 1.0} for name in ids])
                except httpx.HTTPError:
                    stop.wait(0.02)
                    continue
                with lock:
                    if answer.status_code == 200:
                        reports.acknowledged += ids
                    else:
                        assert answer.status_code == 503, answer.text
                        reports.refused += len(ids)
                stop.wait(0.0 if answer.status_code == 200 else 0.05)

    threads = [threading.Thread(target=report) for _ in range(reporters)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def serving(*options: str) -> Iterator[Running]:
    running = start_server(*options)
    try:
        yield running
    finally:
        stop_server(running)


def _end(running: Running) -> None:
    code = running.end()
    assert code == 0, f"it ended with {code}: {running.log()[-2000:]}"


def stored(url: str) -> set[str]:
    """Give the decision ids of all outcomes in a journal."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            return {str(row[0]) for row in connection.execute(text("select distinct decision_id from outcomes"))}
    finally:
        engine.dispose()


@dataclass(frozen=True)
class Kills:
    kills: int
    acknowledged: int
    lost: int
    corrupt: int


def kill_rounds(kills: int, journal: str, spool: Path, seed: int = 7, workers: int = 1) -> Kills:
    """Kill -9 a server at random moments while outcomes are reported, then see what its journal holds."""
    rng, reports, corrupt = random.Random(seed), Reports(), 0
    options = ("--journal", journal, "--spool", str(spool), "--workers", str(workers))
    for number in range(kills):
        running = start_server(*options)
        try:
            before = len(reports.acknowledged)
            with reporting(running.url, f"k{seed}-{number}", reports):
                wait_until(lambda before=before: len(reports.acknowledged) > before)
                time.sleep(rng.uniform(0.0, 0.6))
                victims = psutil.Process(running.process.pid).children() if workers > 1 else []
                (rng.choice(victims) if victims else running.process).send_signal(signal.SIGKILL)
                if workers > 1:
                    time.sleep(rng.uniform(0.0, 0.5))
                    running.process.send_signal(signal.SIGKILL)
                running.process.wait(20)
        finally:
            stop_server(running)
        corrupt += not _whole(journal)
    with serving(*options) as last:  # what waited on disk is written
        wait_until(lambda: not list(spool.glob("*/outcomes.spool")))
        _end(last)
    lost = set(reports.acknowledged) - stored(journal)
    return Kills(kills, len(reports.acknowledged), len(lost), corrupt)


def _whole(journal: str) -> bool:
    path = Path(journal.removeprefix("sqlite:///"))
    if not journal.startswith("sqlite") or not path.exists():
        return True
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("pragma integrity_check").fetchone() == ("ok",))


@dataclass(frozen=True)
class Swaps:
    swaps: int
    decisions: int
    failed: int
    fallbacks: int
    mixed: int
    seconds: float


def swap_rounds(swaps: int, folder: Path, clients: int = 2) -> Swaps:
    """Push bundles under load; no decision fails, and none tells one bundle's id with another's numbers."""
    bundle = put(0, folder / "bundle")
    started = time.monotonic()
    with serving("--bundle", str(bundle), "--reload-seconds", "0.02") as running:
        with deciding(running.url, clients) as tally, httpx.Client(base_url=running.url, timeout=30) as http:
            live = http.get("/v1/model").json()["bundle_id"]
            for number in range(1, swaps + 1):
                put(number % 4, bundle)
                before = live
                wait_until(lambda before=before: http.get("/v1/model").json()["bundle_id"] != before, 60)
                live = http.get("/v1/model").json()["bundle_id"]
        _end(running)
    mixed = sum(len(costs) - 1 for costs in tally.by_bundle.values())
    mixed += len(tally.by_bundle) - len(set().union(*tally.by_bundle.values()))
    return Swaps(swaps, tally.total, tally.failed, tally.fallbacks, mixed, time.monotonic() - started)


@dataclass(frozen=True)
class Fault:
    name: str
    seconds: float
    decisions: int
    failed: int
    acknowledged: int
    refused: int
    lost: int


def under_fault(
    name: str,
    journal: str,
    spool: Path,
    harm: Callable[[Running], None],
    heal: Callable[[Running], None],
    seconds: float,
) -> Fault:
    """Serve, break something, repair it; then check that no decision failed and no acknowledged outcome is lost."""
    reports = Reports()
    with serving("--journal", journal, "--spool", str(spool)) as running:
        with deciding(running.url, 1, 0.002) as tally, reporting(running.url, name.replace(" ", "-"), reports, 1):
            time.sleep(1.0)
            harm(running)
            time.sleep(seconds)
            heal(running)
            time.sleep(1.0)
        try:
            wait_until(lambda: not list(spool.glob("*/*s.spool")), 60)
        except AssertionError:
            running.process.terminate()
            raise AssertionError(f"the spool stays: {running.log()[-3000:]}") from None
        _end(running)
    lost = set(reports.acknowledged) - stored(journal)
    return Fault(name, seconds, tally.total, tally.failed, len(reports.acknowledged), reports.refused, len(lost))


def full_disk(journal: str, spool: Path, seconds: float) -> Fault:
    """Let no file of the server grow any more, which fails its writes as a full disk does."""

    def limit(size: int) -> Callable[[Running], None]:
        return lambda running: (
            resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)) and None
        )

    return under_fault("disk full", journal, spool, limit(4096), limit(resource.RLIM_INFINITY), seconds)


@dataclass(frozen=True)
class Pushed:
    decisions: int
    failed: int
    refused: bool
    same: bool


def corrupt_bundle(folder: Path, seconds: float) -> Pushed:
    """Push a spoilt bundle under load; the one that is live goes on."""
    bundle = put(0, folder / "bundle")
    with serving("--bundle", str(bundle), "--reload-seconds", "0.05") as running:
        with deciding(running.url, 1, 0.002) as tally:
            time.sleep(0.5)
            spoilt = put(1, folder / "spoilt")
            spoil(spoilt)
            for name in ("model.onnx", "tokenizer.json", "golden.json", "manifest.json"):
                shutil.copyfile(spoilt / name, bundle / name)
            time.sleep(seconds)
        _end(running)
        refused = running.log().count("is refused, what is live stays live") == 1
    return Pushed(tally.total, tally.failed, refused, len(tally.by_bundle) == 1)


@dataclass(frozen=True)
class Soak:
    minutes: float
    decisions: int
    failed: int
    rate: float
    saturation: float
    start_mib: float
    end_mib: float
    growth: float


def soak(minutes: float, folder: Path, filled: int = 60_000) -> Soak:
    """Serve at half load with the journal on, and watch the memory after a warm-up.

    The warm-up is as many decisions at full load as fill every bounded memory of the server (the largest keeps 50,000),
    then a tenth of the time at half load.
    """
    bundle = put(0, folder / "bundle")
    with serving("--bundle", str(bundle), "--journal", f"sqlite:///{folder / 'journal.db'}") as running:
        begun = time.monotonic()
        with deciding(running.url, 2) as tally:
            while tally.total < filled:
                time.sleep(0.1)
        saturation = tally.total / (time.monotonic() - begun)
        samples: list[float] = []
        process = psutil.Process(running.process.pid)
        # Two clients, each of which rests as long as an answer takes: half of what they can.
        with deciding(running.url, 2, rest_s=2.0 / saturation) as tally:
            end = time.monotonic() + 60 * minutes
            while time.monotonic() < end:
                time.sleep(min(5.0, 6 * minutes))
                samples.append(process.memory_info().rss / 2**20)
        _end(running)
    warm = samples[len(samples) // 10 :]
    tenth = max(len(warm) // 10, 1)
    start, last = _median(warm[:tenth]), _median(warm[-tenth:])
    rate = tally.total / (60 * minutes)
    return Soak(minutes, tally.total, tally.failed, rate, saturation, start, last, last / start - 1.0)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
