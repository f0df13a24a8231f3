"""Rewrites: generated bodies of many hosts, refused by a strict provider or the vendors' types, before and after."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from tests.support.rewritten_bodies import tally_rewrites


def main() -> int:
    """Rewrite the bodies, print the tally; 1 where a rewrite made a body fail."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bodies", type=int, default=10_000, help="accepted bodies for each seed")
    options.add_argument("--seeds", type=int, default=5, help="number of seeds")
    options.add_argument("--json", type=Path, help="write the tally there")
    given = options.parse_args()
    results = []
    for seed in range(given.seeds):
        started = time.perf_counter()
        tally = tally_rewrites(given.bodies, seed)
        results.append(
            {
                "seed": seed,
                "bodies": tally.bodies,
                "generated": tally.generated,
                "changed": tally.changed,
                "moved": tally.moved,
                "refused": len(tally.refused),
                "invalid": len(tally.invalid),
                "unstable": len(tally.unstable),
                "hosts": dict(tally.hosts.most_common()),
                "not_applied": dict(tally.not_applied.most_common()),
                "seconds": round(time.perf_counter() - started, 1),
            }
        )
        print(json.dumps(results[-1]))
        for problem in (*tally.refused, *tally.invalid, *tally.unstable):
            print(problem)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")
    return int(any(found["refused"] or found["invalid"] or found["unstable"] for found in results))


if __name__ == "__main__":
    raise SystemExit(main())
