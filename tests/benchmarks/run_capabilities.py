"""How right the model capability registry is, judged by models.dev and built without it; load and look-up times."""

from __future__ import annotations

import csv
import time
from pathlib import Path

from serving.decision.providers.capabilities import host_name, load_registry, read_overrides, row_key
from serving.decision.providers.capabilities.registry import REGISTRY
from training.capabilities import OVERRIDES, judge, load_all

ADJUDICATED = Path("tests/serving/decision/providers/capabilities/adjudicated.csv")


def main() -> None:
    """Print Markdown."""
    sources, overrides = load_all(), read_overrides(OVERRIDES)
    with ADJUDICATED.open(newline="") as file:
        settled = {(host_name(row["host"]), row_key(row["model"]), row["field"]) for row in csv.DictReader(file)}
    columns = (judge(sources, overrides), judge(sources, overrides, settled), judge(sources, ()))
    print("| judged by models.dev | | adjudicated facts left out | without our overrides |")
    print("|---|---|---|---|")
    for shares in zip(*columns, strict=True):
        cells = " | ".join(f"{share.right} of {share.total} ({share.right / share.total:.1%})" for share in shares)
        print(f"| {shares[0].name} | {cells} |")
    for share in columns[0][1:3]:
        print(f"\n{share.name}, misses: " + "; ".join(share.misses))
    load_s = min(_timed_load() for _ in range(10))
    registry = load_registry()
    names = [(name, host) for host, keys in registry.rows.items() for name in list(keys)[:20]]
    start = time.perf_counter()
    for name, host in names:
        registry.find(name, host, "chat")
    find_us = (time.perf_counter() - start) / len(names) * 1e6
    size = REGISTRY.stat().st_size
    print(f"\n{registry.version}: {size} bytes, loaded in {load_s * 1e3:.1f} ms, {find_us:.0f} us a first look-up")


def _timed_load() -> float:
    load_registry.cache_clear()
    start = time.perf_counter()
    load_registry()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
